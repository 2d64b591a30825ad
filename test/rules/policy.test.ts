import { describe, expect, test } from 'vitest'
import { effectivePolicy, longestOverlap, mayFileFrom, type Policy, strictestTerms } from '../../src/rules/policy.ts'
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
