import { expect, test } from 'vitest'
import {
  expiresInOverlap,
  MAX_OVERLAP_SECONDS,
  overlapEnd,
  startIsTooFar,
  startsAt,
} from '../../src/rules/rotations/overlap.ts'

const GENERATED = new Date('2026-12-02T08:00:00.000Z')
const plus = (milliseconds: number) => new Date(GENERATED.getTime() + milliseconds)
const DAYS = 86_400_000

test('the overlap ends when it was asked to, to the millisecond', () => {
  expect(overlapEnd(GENERATED, 3600, null)).toEqual(plus(3_600_000))
  expect(overlapEnd(GENERATED, 0, null)).toEqual(GENERATED)
  expect(overlapEnd(GENERATED, MAX_OVERLAP_SECONDS, null)).toEqual(plus(30 * DAYS))
})

test('whatever was asked for, 30 days are the cap', () => {
  expect(overlapEnd(GENERATED, MAX_OVERLAP_SECONDS + 1, null)).toEqual(plus(30 * DAYS))
})

test('a rotation never lengthens a life', () => {
  expect(overlapEnd(GENERATED, 3600, plus(3_599_999))).toEqual(plus(3_599_999))
  expect(overlapEnd(GENERATED, 3600, plus(3_600_001))).toEqual(plus(3_600_000))
})

test('a start in the past, or none, means as soon as approved', () => {
  expect(startsAt(null, GENERATED)).toEqual(GENERATED)
  expect(startsAt(plus(-1), GENERATED)).toEqual(GENERATED)
  expect(startsAt(plus(1), GENERATED)).toEqual(plus(1))
})

test('a start may lie 90 days ahead and not a millisecond more', () => {
  expect(startIsTooFar(plus(90 * DAYS), GENERATED)).toBe(false)
  expect(startIsTooFar(plus(90 * DAYS + 1), GENERATED)).toBe(true)
  expect(startIsTooFar(null, GENERATED)).toBe(false)
})

test("a key that expires at the overlap's end, or before, expires within it", () => {
  expect(expiresInOverlap(GENERATED, 60, plus(60_000))).toBe(true)
  expect(expiresInOverlap(GENERATED, 60, plus(60_001))).toBe(false)
  expect(expiresInOverlap(GENERATED, 60, null)).toBe(false)
})
