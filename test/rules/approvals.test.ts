import { expect, test } from 'vitest'
import { type ApprovalFacts, approvalsNeeded, mayDecide } from '../../src/rules/rotations/approvals.ts'

const NOW = new Date('2026-12-02T08:00:00.000Z')
const WEEK = 7 * 86_400_000
const PLAIN: ApprovalFacts = {
  reason: 'scheduled',
  overlapSeconds: 3600,
  itemCount: 1,
  filedOnBehalf: false,
  ownerChangedAt: null,
  approvalsByPolicy: 1,
}

test.each<[string, Partial<ApprovalFacts>, 1 | 2]>([
  ['an ordinary one', {}, 1],
  ['filed on behalf', { filedOnBehalf: true }, 2],
  ['10 items', { itemCount: 10 }, 1],
  ['11 items', { itemCount: 11 }, 2],
  ['a policy of two', { approvalsByPolicy: 2 }, 2],
  ['no overlap', { overlapSeconds: 0 }, 2],
  ['no overlap, compromised', { overlapSeconds: 0, reason: 'compromised' }, 1],
  ['an owner changed 7 days ago', { ownerChangedAt: new Date(NOW.getTime() - WEEK) }, 1],
  ['an owner changed 1 ms less than 7 days ago', { ownerChangedAt: new Date(NOW.getTime() - WEEK + 1) }, 2],
])('%s', (_, changes, needed) => {
  expect(approvalsNeeded({ ...PLAIN, ...changes }, NOW)).toBe(needed)
})

const ROTATION = { requesterId: 'per_r', filedById: 'per_r', organisationId: 'org_1' }
const ON_BEHALF = { ...ROTATION, filedById: 'per_f' }

test.each([
  ['an agent', { id: 'per_a', staffRole: 'agent' as const, organisationIds: [] }, ROTATION, true],
  [
    'an agent of another organisation',
    { id: 'per_a', staffRole: 'agent' as const, organisationIds: ['org_2'] },
    ROTATION,
    true,
  ],
  [
    'an agent of that organisation',
    { id: 'per_a', staffRole: 'agent' as const, organisationIds: ['org_1'] },
    ROTATION,
    false,
  ],
  ['the requester', { id: 'per_r', staffRole: 'agent' as const, organisationIds: [] }, ROTATION, false],
  ['the filer', { id: 'per_f', staffRole: 'agent' as const, organisationIds: [] }, ON_BEHALF, false],
  ['an admin', { id: 'per_a', staffRole: 'admin' as const, organisationIds: [] }, ROTATION, false],
  ['an admin, filed on behalf', { id: 'per_a', staffRole: 'admin' as const, organisationIds: [] }, ON_BEHALF, true],
  ['a customer', { id: 'per_c', staffRole: null, organisationIds: [] }, ROTATION, false],
])('whether %s may decide', (_, person, rotation, may) => {
  expect(mayDecide(person, rotation)).toBe(may)
})
