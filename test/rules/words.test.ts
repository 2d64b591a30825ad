import { expect, test } from 'vitest'
import { count, durationInWords, joinWords, secondsOf } from '../../src/rules/text/words.ts'

test.each([
  [2_592_000, '30 days'],
  [86_400, '1 day'],
  [3_600, '1 hour'],
  [90, '1 minute and 30 seconds'],
  [93_605, '1 day, 2 hours and 5 seconds'],
  [0, 'no time'],
])('%d seconds in words', (seconds, words) => {
  expect(durationInWords(seconds)).toBe(words)
})

test('one key, two keys', () => {
  expect([count(0, 'key'), count(1, 'key'), count(2, 'key')]).toEqual(['0 keys', '1 key', '2 keys'])
})

test('words are joined as they are spoken', () => {
  expect([joinWords([]), joinWords(['a']), joinWords(['a', 'b']), joinWords(['a', 'b', 'c'])]).toEqual([
    '',
    'a',
    'a and b',
    'a, b and c',
  ])
})

test.each([
  ['7', 604_800],
  ['0', 0],
  ['0,5', 43_200],
  ['12 hours', 43_200],
  ['12h', 43_200],
  ['90 min', 5_400],
  ['1 day 6 hours', 108_000],
  ['1 Day, 2 hours and 5 seconds', 93_605],
])('“%s”, in days where no unit stands, is %d seconds', (text, seconds) => {
  expect(secondsOf(text, 86_400)).toBe(seconds)
})

test.each(['', '-1', 'soon', '1 week', '1 2', '1 hour 3', '1e3', '1,2,3', 'NaN'])('“%s” is no duration', (text) => {
  expect(secondsOf(text, 86_400)).toBeUndefined()
})

test('a duration put in words is read as the same seconds', () => {
  for (let seconds = 1; seconds < 2_592_000; seconds += 997) {
    expect(secondsOf(durationInWords(seconds), 86_400)).toBe(seconds)
  }
})
