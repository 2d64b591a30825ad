import { expect, test } from 'vitest'
import { isOddNetwork, mayMail, type Raised, weigh } from '../../src/rules/watch/suspicion.ts'

const DAY = 86_400_000
const now = new Date('2026-06-30T12:00:00Z')
const ago = (days: number) => new Date(now.getTime() - days * DAY)
const key = { createdAt: ago(100), ipRanges: [] }

test.each([
  ['of a key that is known for a week', key, { count: 1, since: ago(7) }, true],
  ['of a key that is known for a little less', key, { count: 1, since: new Date(ago(7).getTime() + 1) }, false],
  ['of a key of which nothing was known', key, { count: 0, since: null }, false],
  ['in the first days of a key', { ...key, createdAt: ago(6) }, { count: 3, since: ago(6) }, false],
  ['within ranges that owners set', { ...key, ipRanges: ['203.0.113.0/24'] }, { count: 1, since: ago(50) }, false],
  ['of a key with 19 networks', key, { count: 19, since: ago(50) }, true],
  ['of a key that is used from everywhere', key, { count: 20, since: ago(50) }, false],
])('a new network %s is odd or not', (_name, subject, history, odd) => {
  expect(isOddNetwork(now, subject, history)).toBe(odd)
})

const raised = (id: string, more: Partial<Raised> = {}): Raised => {
  return { id, kind: 'retired_use', versionId: 'ver_1', network: '192.0.2.0/24', dismissedAt: null, ...more }
}
const noticed = { kind: 'retired_use', versionId: 'ver_1', network: '192.0.2.0/24' } as const

test('what goes on is counted with what was raised, what is other is raised anew', () => {
  expect(weigh(noticed, [], now)).toEqual({ do: 'raise' })
  expect(weigh(noticed, [raised('sus_1')], now)).toEqual({ do: 'add', id: 'sus_1' })
  expect(weigh(noticed, [raised('sus_1', { network: '198.51.100.0/24' })], now)).toEqual({ do: 'raise' })
  expect(weigh(noticed, [raised('sus_1', { versionId: 'ver_2' })], now)).toEqual({ do: 'raise' })
})

test('a burst is one, from wherever it comes', () => {
  const burst = { ...noticed, kind: 'refusals' } as const
  const before = raised('sus_1', { kind: 'refusals', network: '198.51.100.0/24' })
  expect(weigh(burst, [before], now)).toEqual({ do: 'add', id: 'sus_1' })
})

test('what was dismissed stays so, but for a burst on another day', () => {
  expect(weigh(noticed, [raised('sus_1', { dismissedAt: ago(80) })], now)).toEqual({ do: 'nothing' })
  const burst = { ...noticed, kind: 'refusals' } as const
  const dismissed = (days: number) => [raised('sus_1', { kind: 'refusals', dismissedAt: ago(days) })]
  expect(weigh(burst, dismissed(0.9), now)).toEqual({ do: 'nothing' })
  expect(weigh(burst, dismissed(1), now)).toEqual({ do: 'raise' })
})

test('a scan from everywhere fills no list: beyond five open ones it is counted with the newest', () => {
  const open = [1, 2, 3, 4, 5].map((i) => raised(`sus_${i}`, { network: `198.51.${i}.0/24` }))
  expect(weigh(noticed, open.slice(1), now)).toEqual({ do: 'raise' })
  expect(weigh(noticed, open, now)).toEqual({ do: 'add', id: 'sus_1' })
})

test('a letter goes out once a day for a key and kind, and ten times for an organisation', () => {
  expect(mayMail({ ofKeyAndKind: 0, ofOrganisation: 9 })).toBe(true)
  expect(mayMail({ ofKeyAndKind: 1, ofOrganisation: 1 })).toBe(false)
  expect(mayMail({ ofKeyAndKind: 0, ofOrganisation: 10 })).toBe(false)
})
