import { describe, expect, test } from 'vitest'
import {
  endReminderTimes,
  isInUse,
  isLastReminder,
  isOvertaken,
  pickUpReminderTimes,
} from '../../src/rules/rotations/reminders.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const MADE = new Date('2026-11-02T08:00:00Z')

function later(time: number): Date {
  return new Date(MADE.getTime() + time)
}

/** Hours after the new key was made. */
function hours(times: readonly Date[]): number[] {
  return times.map((time) => (time.getTime() - MADE.getTime()) / HOUR)
}

test('an old key’s end is told of 7 days, 1 day and 1 hour before, and none of these in the past', () => {
  expect(hours(endReminderTimes(later(30 * DAY), MADE))).toEqual([23 * 24, 29 * 24, 30 * 24 - 1])
  expect(hours(endReminderTimes(later(7 * DAY), MADE))).toEqual([6 * 24, 7 * 24 - 1])
  expect(hours(endReminderTimes(later(DAY), MADE))).toEqual([23])
  expect(endReminderTimes(later(HOUR), MADE)).toEqual([])
  expect(endReminderTimes(MADE, MADE)).toEqual([])
})

describe('a new key that nobody has picked up', () => {
  test('is told of after a day, and when a third of the overlap is left', () => {
    expect(hours(pickUpReminderTimes(MADE, later(30 * DAY), MADE))).toEqual([24, 20 * 24])
    expect(hours(pickUpReminderTimes(MADE, later(14 * DAY), MADE)).map(Math.round)).toEqual([24, 224])
  })

  test('is told of once when the overlap is short', () => {
    expect(hours(pickUpReminderTimes(MADE, later(6 * HOUR), MADE))).toEqual([4])
    expect(hours(pickUpReminderTimes(MADE, later(DAY), MADE))).toEqual([16])
    expect(pickUpReminderTimes(MADE, MADE, MADE)).toEqual([])
  })

  test('is not told of twice on one day, when the reminder of the end says it too', () => {
    expect(hours(pickUpReminderTimes(MADE, later(21 * DAY), MADE))).toEqual([24])
    expect(hours(pickUpReminderTimes(MADE, later(3 * DAY), MADE))).toEqual([24])
    expect(pickUpReminderTimes(MADE, later(2 * DAY), MADE)).toEqual([])
  })

  test('is told of anew when the end moved, and not of times that have passed', () => {
    expect(hours(pickUpReminderTimes(MADE, later(30 * DAY), later(5 * DAY)))).toEqual([20 * 24])
  })
})

test('a reminder is overtaken once a later one’s time has come, or the end', () => {
  const end = later(30 * DAY)
  const week = later(23 * DAY)
  expect(isOvertaken(week, end, week)).toBe(false)
  expect(isOvertaken(week, end, later(29 * DAY - 1))).toBe(false)
  expect(isOvertaken(week, end, later(29 * DAY))).toBe(true)
  expect(isOvertaken(later(29 * DAY), end, later(30 * DAY - HOUR - 1))).toBe(false)
  expect(isOvertaken(later(29 * DAY), end, later(30 * DAY - HOUR))).toBe(true)
  expect(isOvertaken(later(30 * DAY - HOUR), end, later(30 * DAY - 1))).toBe(false)
  expect(isOvertaken(later(30 * DAY - HOUR), end, end)).toBe(true)
})

test('only the last hour’s reminder asks whether the old key is in use', () => {
  const end = later(30 * DAY)
  expect(isLastReminder(later(30 * DAY - HOUR), end)).toBe(true)
  expect(isLastReminder(later(29 * DAY), end)).toBe(false)
  expect(isInUse(later(-DAY + 1), MADE)).toBe(true)
  expect(isInUse(later(-DAY), MADE)).toBe(false)
  expect(isInUse(null, MADE)).toBe(false)
})
