import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  effectivePolicy,
  filedTerms,
  LEAK_RESPONSES,
  longestOverlap,
  mayFileFrom,
  type Policy,
  strictestTerms,
} from '../../src/rules/policy.ts'
import { cleanFilingRanges, policyProblem } from '../../src/rules/policy-change.ts'
import { REASONS } from '../../src/rules/rotations/approvals.ts'
import { DAY_SECONDS, MAX_OVERLAP_SECONDS } from '../../src/rules/rotations/overlap.ts'

const DESK: Policy = {
  longestOverlapSeconds: MAX_OVERLAP_SECONDS,
  overlapByReason: {},
  approvalsNeeded: 1,
  selfService: false,
  cooldownSeconds: 0,
  remindAgeDays: 90,
  fileAgeDays: null,
  keysPerService: 50,
  filingRanges: [],
  leakResponse: 'tell',
}
const NOTHING = {
  longestOverlapSeconds: null,
  overlapByReason: null,
  approvalsNeeded: null,
  selfService: null,
  cooldownSeconds: null,
  remindAgeDays: null,
  fileAgeDays: null,
  keysPerService: null,
  filingRanges: null,
  leakResponse: null,
}

describe('the policy of a service', () => {
  test('is the desk’s where nothing is set for it', () => {
    expect(effectivePolicy(DESK, undefined)).toEqual(DESK)
    expect(effectivePolicy(DESK, NOTHING)).toEqual(DESK)
  })

  test('takes what is set for it, term by term and reason by reason', () => {
    const desk = { ...DESK, overlapByReason: { compromised: 3600, lost: 7200 } }
    const own = { ...NOTHING, cooldownSeconds: 60, overlapByReason: { lost: 60 }, filingRanges: [] }
    const policy = effectivePolicy({ ...desk, filingRanges: ['192.0.2.0/24'] }, own)
    expect(policy).toEqual({ ...desk, cooldownSeconds: 60, overlapByReason: { compromised: 3600, lost: 60 } })
  })

  test('has no age where the service’s is 0, whatever the desk has', () => {
    const policy = effectivePolicy({ ...DESK, fileAgeDays: 60 }, { ...NOTHING, remindAgeDays: 0, fileAgeDays: 0 })
    expect(policy).toMatchObject({ remindAgeDays: null, fileAgeDays: null })
  })
})

describe('the longest overlap', () => {
  test('is that of the reason where it has one, and never above the longest of all', () => {
    const policy = { ...DESK, longestOverlapSeconds: 7 * DAY_SECONDS, overlapByReason: { lost: 60, other: 9e6 } }
    expect(longestOverlap(policy, 'lost')).toBe(60)
    expect(longestOverlap(policy, 'other')).toBe(7 * DAY_SECONDS)
    expect(longestOverlap(policy, 'scheduled')).toBe(7 * DAY_SECONDS)
  })
})

describe('the terms of a filing over several services', () => {
  const strict: Policy = {
    ...DESK,
    longestOverlapSeconds: DAY_SECONDS,
    approvalsNeeded: 2,
    cooldownSeconds: 60,
    filingRanges: ['192.0.2.0/24'],
  }
  const other: Policy = { ...DESK, selfService: true, filingRanges: ['192.0.2.7', '2001:db8::/32'] }

  test('are the strictest of each', () => {
    expect(strictestTerms([other, strict], 'scheduled')).toEqual({
      longestOverlapSeconds: DAY_SECONDS,
      approvalsNeeded: 2,
      selfService: false,
      cooldownSeconds: 60,
      filingRanges: [['192.0.2.7', '2001:db8::/32'], ['192.0.2.0/24']],
    })
    expect(strictestTerms([other], 'scheduled').selfService).toBe(true)
  })

  test('take only an address that every service takes, and an unknown one only where none is asked for', () => {
    const both = strictestTerms([strict, other], 'other')
    expect(['192.0.2.7', '::ffff:192.0.2.7'].map((address) => mayFileFrom(both, address))).toEqual([true, true])
    const elsewhere = ['192.0.2.8', '2001:db8::1', 'nowhere', undefined]
    expect(elsewhere.map((address) => mayFileFrom(both, address))).toEqual([false, false, false, false])
    expect(mayFileFrom(strictestTerms([DESK], 'other'), undefined)).toBe(true)
  })
})

const seconds = fc.integer({ min: 0, max: MAX_OVERLAP_SECONDS })
const anyPolicy: fc.Arbitrary<Policy> = fc.record({
  longestOverlapSeconds: seconds,
  overlapByReason: fc.dictionary(fc.constantFrom(...REASONS), seconds),
  approvalsNeeded: fc.constantFrom(1, 2),
  selfService: fc.boolean(),
  cooldownSeconds: fc.integer({ min: 0, max: 604_800 }),
  remindAgeDays: fc.option(fc.integer({ min: 1, max: 3650 })),
  fileAgeDays: fc.option(fc.integer({ min: 1, max: 3650 })),
  keysPerService: fc.integer({ min: 2, max: 10_000 }),
  filingRanges: fc.array(fc.constantFrom('192.0.2.0/24', '192.0.2.7', '2001:db8::/32')),
  leakResponse: fc.constantFrom(...LEAK_RESPONSES),
})

describe('whatever the policies', () => {
  test('one more service never makes the terms milder', () => {
    fc.assert(
      fc.property(
        fc.array(anyPolicy, { minLength: 1 }),
        anyPolicy,
        fc.constantFrom(...REASONS),
        (some, one, reason) => {
          const [fewer, more] = [strictestTerms(some, reason), strictestTerms([...some, one], reason)]
          expect(more.longestOverlapSeconds).toBeLessThanOrEqual(fewer.longestOverlapSeconds)
          expect(more.approvalsNeeded).toBeGreaterThanOrEqual(fewer.approvalsNeeded)
          expect(more.cooldownSeconds).toBeGreaterThanOrEqual(fewer.cooldownSeconds)
          expect(more.selfService && !fewer.selfService).toBe(false)
          for (const address of ['192.0.2.7', '192.0.2.8', '2001:db8::1', '198.51.100.1']) {
            expect(mayFileFrom(more, address) && !mayFileFrom(fewer, address)).toBe(false)
          }
          expect(longestOverlap(filedTerms([...some, one]), reason)).toBe(more.longestOverlapSeconds)
        },
      ),
    )
  })

  test('one that is no nonsense leaves an overlap for every reason', () => {
    fc.assert(
      fc.property(anyPolicy, (policy) => {
        fc.pre(policyProblem(policy, policy) === null)
        for (const reason of REASONS.filter((each) => each !== 'compromised')) {
          expect(longestOverlap(policy, reason)).toBeGreaterThanOrEqual(policy.cooldownSeconds)
        }
      }),
    )
  })

  test('no text as an address ends in anything but ranges or a sentence', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.ipV4Extended())), (texts) => {
        const cleaned = cleanFilingRanges(texts)
        if ('error' in cleaned) {
          expect(cleaned.error.pointer).toBe('/filingRanges')
          return
        }
        expect(cleanFilingRanges(cleaned.ranges)).toEqual(cleaned)
        mayFileFrom(strictestTerms([{ ...DESK, filingRanges: cleaned.ranges }], 'other'), '192.0.2.1')
      }),
    )
  })
})
