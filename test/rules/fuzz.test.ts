import { randomBytes } from 'node:crypto'
import { fc, test as property } from '@fast-check/vitest'
import { expect } from 'vitest'
import { cleanRanges, ipInRanges, rangesWithin } from '../../src/rules/keys/addresses.ts'
import { hashKey, isPlausibleKey, makeKeyText } from '../../src/rules/keys/key-text.ts'
import { containsSecret } from '../../src/rules/keys/secret-text.ts'
import {
  expiresInOverlap,
  latestEnd,
  MAX_OVERLAP_SECONDS,
  overlapEnd,
  startIsTooFar,
  startsAt,
} from '../../src/rules/rotations/overlap.ts'
import { endReminderTimes, pickUpReminderTimes } from '../../src/rules/rotations/reminders.ts'

const anyText = fc.string({ unit: 'binary', maxLength: 300 })
const kind = fc.constantFrom('auth', 'admin')
const environment = fc.constantFrom('live', 'sandbox')

property.prop([fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/), kind, environment])(
  'every key that is made is plausible, found in free text, and hashed in its own way',
  (prefix, ofKind, where) => {
    const key = makeKeyText(prefix, ofKind, where, randomBytes)
    expect(isPlausibleKey(prefix, key)).toBe(true)
    expect(key.startsWith(`${prefix}_${ofKind}_${where}_`)).toBe(true)
    const other = makeKeyText(prefix, ofKind, where, randomBytes)
    expect(hashKey(other).equals(hashKey(key))).toBe(false)
  },
)

property.prop([kind, environment, fc.nat(), anyText])(
  'a key that is cut, spliced or lengthened is none of ours',
  (ofKind, where, place, text) => {
    const key = makeKeyText('rk', ofKind, where, randomBytes)
    const at = 3 + (place % (key.length - 3))
    for (const broken of [key.slice(0, at), `${key.slice(0, at)}${text}${key.slice(at)}`, `${key}${text}`]) {
      if (broken !== key) expect(isPlausibleKey('rk', broken)).toBe(false)
    }
  },
)

property.prop([anyText])('any text is looked at for secrets, and hashed, without a failure', (text) => {
  expect(typeof containsSecret(text)).toBe('boolean')
  expect(hashKey(text)).toHaveLength(32)
})

const octet = fc.nat({ max: 255 })
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'))
const ipv6 = fc.ipV6()
const range = fc.oneof(
  ipv4,
  ipv6,
  fc.tuple(ipv4, fc.integer({ min: 8, max: 32 })).map(([ip, bits]) => `${ip}/${bits}`),
  fc.tuple(ipv6, fc.integer({ min: 16, max: 128 })).map(([ip, bits]) => `${ip}/${bits}`),
)
const nearlyRange = fc.oneof(
  range,
  anyText,
  fc.tuple(range, fc.constantFrom('/', '/33', '%eth0', ' ', '/-1', '.')).map((parts) => parts.join('')),
)

property.prop([fc.array(nearlyRange, { maxLength: 25 })])(
  'whatever is typed for ranges is cleaned or refused with a sentence, and cleaning what is clean changes nothing',
  (texts) => {
    const cleaned = cleanRanges(texts)
    if ('problem' in cleaned) expect(cleaned.problem).toMatch(/^\S.*\.$/s)
    else expect(cleanRanges(cleaned.ranges)).toEqual(cleaned)
  },
)

property.prop([fc.array(range, { minLength: 1, maxLength: 5 }), nearlyRange])(
  'any text is in ranges or not, without a failure; each range holds its own first address and lies within itself',
  (texts, ip) => {
    const cleaned = cleanRanges(texts)
    fc.pre('ranges' in cleaned)
    expect(typeof ipInRanges(ip, cleaned.ranges)).toBe('boolean')
    for (const one of cleaned.ranges) {
      expect(ipInRanges(one.split('/')[0] ?? '', [one])).toBe(true)
      expect(rangesWithin([one], cleaned.ranges)).toBe(true)
    }
  },
)

/** The same in arithmetic, with nothing of the rule's own. */
function holds(ip: readonly number[], base: readonly number[], bits: number): boolean {
  const numberOf = (octets: readonly number[]) => octets.reduce((sum, one) => sum * 256 + one, 0)
  const size = 2 ** (32 - bits)
  return Math.floor(numberOf(ip) / size) === Math.floor(numberOf(base) / size)
}
const octets = fc.tuple(octet, octet, octet, octet)
/** Two addresses that have their first octets in common, so that one often lies in the other's range. */
const neighbours = fc
  .tuple(octets, octets, fc.nat({ max: 4 }))
  .map(([a, b, shared]) => ({ a, b: [...a.slice(0, shared), ...b.slice(shared)] }))

property.prop([neighbours, fc.integer({ min: 8, max: 32 })])(
  'an address lies in a range when their first bits agree, also when it is written as IPv6',
  ({ a, b }, bits) => {
    const cleaned = cleanRanges([`${a.join('.')}/${bits}`])
    fc.pre('ranges' in cleaned)
    const expected = holds(b, a, bits)
    expect(ipInRanges(b.join('.'), cleaned.ranges)).toBe(expected)
    expect(ipInRanges(`::ffff:${b.join('.')}`, cleaned.ranges)).toBe(expected)
  },
)

const moment = fc.date({ min: new Date('2020-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
const seconds = fc.nat({ max: MAX_OVERLAP_SECONDS * 2 })
const momentOrNone = fc.option(moment)

property.prop([moment, seconds, momentOrNone])(
  'an overlap never ends after what was asked for, 30 days or the end the key had, and at one of them',
  (generatedAt, asked, endItHad) => {
    const end = overlapEnd(generatedAt, asked, endItHad).getTime()
    const limits = [
      generatedAt.getTime() + asked * 1000,
      generatedAt.getTime() + MAX_OVERLAP_SECONDS * 1000,
      ...(endItHad === null ? [] : [endItHad.getTime()]),
    ]
    for (const limit of limits) expect(end).toBeLessThanOrEqual(limit)
    expect(limits).toContain(end)
    expect(end).toBeLessThanOrEqual(latestEnd(generatedAt, endItHad).getTime())
  },
)

property.prop([moment, seconds, seconds, momentOrNone])(
  'asking for longer never ends an overlap earlier',
  (generatedAt, one, other, endItHad) => {
    const [short, long] = [Math.min(one, other), Math.max(one, other)]
    expect(overlapEnd(generatedAt, short, endItHad) <= overlapEnd(generatedAt, long, endItHad)).toBe(true)
  },
)

property.prop([moment, seconds, momentOrNone])(
  'a key expires within an overlap exactly when the overlap would end by that',
  (start, asked, expiresAt) => {
    const overlap = Math.min(asked, MAX_OVERLAP_SECONDS)
    const cutShort = expiresAt !== null && overlapEnd(start, overlap, expiresAt).getTime() === expiresAt.getTime()
    expect(expiresInOverlap(start, overlap, expiresAt)).toBe(cutShort)
  },
)

property.prop([momentOrNone, moment])(
  'a start is never before now, and one that is too far is after it',
  (notBefore, now) => {
    expect(startsAt(notBefore, now) >= now).toBe(true)
    if (startIsTooFar(notBefore, now)) expect(startsAt(notBefore, now)).toEqual(notBefore)
  },
)

property.prop([moment, seconds, fc.nat({ max: MAX_OVERLAP_SECONDS })])(
  'every reminder of an end comes after now and before the end, each once',
  (generatedAt, overlap, later) => {
    const end = overlapEnd(generatedAt, overlap, null)
    const now = new Date(generatedAt.getTime() + later * 1000)
    for (const times of [endReminderTimes(end, now), pickUpReminderTimes(generatedAt, end, now)]) {
      for (const time of times) expect(time > now && time < end).toBe(true)
      expect(new Set(times.map(Number)).size).toBe(times.length)
    }
  },
)
