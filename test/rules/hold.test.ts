import { expect, test } from 'vitest'
import { type AccountChanges, holdLetsPickUp, holdStopsFiling, holdUntil, onHold } from '../../src/rules/hold.ts'
import { REASONS } from '../../src/rules/rotations/approvals.ts'

const NOW = new Date('2026-12-02T08:00:00.000Z')
const HOUR = 3_600_000
const hoursAgo = (hours: number) => new Date(NOW.getTime() - hours * HOUR)
const NEVER: AccountChanges = { passwordChangedAt: null, codeChangedAt: null, emailChangedAt: null }

test.each<[string, Partial<AccountChanges>, Date | null]>([
  ['nothing changed, as after a first set-up', {}, null],
  ['the password changed an hour ago', { passwordChangedAt: hoursAgo(1) }, hoursAgo(-71)],
  ['the code device changed an hour ago', { codeChangedAt: hoursAgo(1) }, hoursAgo(-71)],
  ['the email changed an hour ago', { emailChangedAt: hoursAgo(1) }, hoursAgo(-71)],
  [
    'the last of several changes counts',
    { passwordChangedAt: hoursAgo(50), codeChangedAt: hoursAgo(2) },
    hoursAgo(-70),
  ],
  [
    'one millisecond before 72 hours',
    { codeChangedAt: new Date(hoursAgo(72).getTime() + 1) },
    new Date(NOW.getTime() + 1),
  ],
  ['72 hours to the millisecond', { codeChangedAt: hoursAgo(72) }, null],
])('a person is on hold or not: %s', (_, changes, until) => {
  expect(holdUntil({ ...NEVER, ...changes }, NOW)).toEqual(until)
})

test('a leak is the one reason for which a hold stops no filing', () => {
  expect(REASONS.filter((reason) => !holdStopsFiling(reason))).toEqual(['compromised'])
})

test.each([
  ['filed after the change, for a leak, with two approvals', 'compromised', 2, 1, true],
  ['filed before the change', 'compromised', 2, 3, false],
  ['with one approval', 'compromised', 1, 1, false],
  ['for another reason', 'lost', 2, 1, false],
] as const)('who is on hold may pick up a key or not: %s', (_, reason, approvalsNeeded, filedHoursAgo, may) => {
  const changes = { ...NEVER, emailChangedAt: hoursAgo(2) }
  expect(holdLetsPickUp(changes, { reason, approvalsNeeded, createdAt: hoursAgo(filedHoursAgo) })).toBe(may)
})

test('who is on hold picks up no key that no rotation made', () => {
  expect(holdLetsPickUp({ ...NEVER, codeChangedAt: hoursAgo(2) }, null)).toBe(false)
  expect(holdLetsPickUp(NEVER, null)).toBe(true)
})

test('the refusal says until when, on the clocks of the person', () => {
  const { code, message } = onHold('a request of yours', NOW, 'Europe/Zurich')
  expect(code).toBe('ON_HOLD')
  expect(message).toContain('3 days')
  expect(message).toContain('Wed 2 Dec 2026, 09:00 CET (08:00 UTC)')
})
