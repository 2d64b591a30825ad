import { describe, expect, test } from 'vitest'
import { filingForm } from '../../src/web/pages/filing/form.ts'
import { nextSteps, startHasPassed } from '../../src/web/pages/filing/steps.ts'

function problemsOf(fields: Record<string, unknown>): string[] {
  const { error } = filingForm('Europe/Oslo').safeParse(fields)
  return error?.issues.map((issue) => String(issue.path[0])) ?? []
}

const key = 'key_1'
const good = { key, reason: 'other', details: '', notBefore: '', overlap: '3600', otherDays: '' }
const secret = `key_auth_live_${'x'.repeat(30)}`

test('everything that is wrong with a request is told at once, in the order of the form', () => {
  expect(problemsOf({})).toEqual(['key', 'reason', 'overlap'])
  const wrong = { details: secret, notBefore: '2026-13-40T25:00', overlap: 'other', otherDays: '31' }
  expect(problemsOf(wrong)).toEqual(['key', 'reason', 'details', 'notBefore', 'otherDays'])
  expect(problemsOf({ ...good, details: secret, notBefore: '2999-01-01T00:00' })).toEqual(['details', 'notBefore'])
})

test('a good form becomes what the desk files', () => {
  const filed = filingForm('Europe/Oslo').parse({
    ...good,
    notBefore: '2026-12-02T09:00',
    overlap: 'other',
    otherDays: '0,5',
  })
  expect(filed.keyIds).toEqual([key])
  expect(filed.filing).toMatchObject({
    items: [{ keyId: key }],
    notBefore: new Date('2026-12-02T08:00:00Z'),
    overlapSeconds: 43_200,
  })
})

test('the staff say who asked and how they were verified, which is told to be wrong before the rest', () => {
  const special = { ofStaff: true, replaces: undefined }
  const wrong = (fields: object) =>
    filingForm('UTC', special)
      .safeParse({ ...good, ...fields })
      .error?.issues.map((issue) => String(issue.path[0]))
  expect(wrong({ reason: '' })).toEqual(['owner', 'verifiedBy', 'reason'])
  expect(wrong({ owner: 'per_1', verifiedBy: secret })).toEqual(['verifiedBy'])
  expect(wrong({ owner: 'per_1', verifiedBy: 'x'.repeat(501) })).toEqual(['verifiedBy'])
  const filed = filingForm('UTC', special).parse({ ...good, owner: 'per_1', verifiedBy: ' Called back. ' })
  expect(filed.filing.onBehalfOf).toEqual({ personId: 'per_1', verifiedBy: 'Called back.' })
})

test('an owner’s form files for nobody else, whatever it sends', () => {
  const { filing } = filingForm('UTC').parse({ ...good, owner: 'per_1', verifiedBy: 'x', replaces: 'ROT-1' })
  expect([filing.onBehalfOf, filing.replaces]).toEqual([undefined, undefined])
})

test('only a leaked key is a reason to replace a rotation', () => {
  const form = filingForm('UTC', { ofStaff: false, replaces: 'ROT-1' })
  expect(form.safeParse(good).error?.issues[0]?.path).toEqual(['reason'])
  expect(form.parse({ ...good, reason: 'compromised' }).filing).toMatchObject({ replaces: 'ROT-1' })
})

describe('what happens next', () => {
  const now = new Date('2026-12-02T08:00:00Z')
  const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000)
  const plan = { reason: 'other', keyCount: 1, notBefore: null, overlapSeconds: 0, decideBy: now } as const

  test('a start in the past is as soon as approved, and said to have passed unless it was just now', () => {
    const asSoonAsApproved = nextSteps(plan, 'UTC', now)[1]
    expect(asSoonAsApproved).toBe('As soon as it is approved, 1 new key is made.')
    for (const minutes of [0, 4, 60]) {
      expect(nextSteps({ ...plan, notBefore: minutesAgo(minutes) }, 'UTC', now)[1]).toBe(asSoonAsApproved)
    }
    expect(nextSteps({ ...plan, notBefore: minutesAgo(-60) }, 'UTC', now)[1]).toContain('09:00 UTC')
    const passed = [null, minutesAgo(-60), minutesAgo(4), minutesAgo(6)].map((start) => startHasPassed(start, now))
    expect(passed).toEqual([false, false, false, true])
  })

  test('only a request about a leaked key is said to be looked at first', () => {
    expect(nextSteps({ ...plan, reason: 'compromised' }, 'UTC', now)[0]).toContain('are looked at first')
    expect(nextSteps(plan, 'UTC', now)[0]).not.toContain('first')
  })
})
