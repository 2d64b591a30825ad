import { expect, test } from 'vitest'
import { count, durationInWords, joinWords } from '../../src/rules/text/words.ts'

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
