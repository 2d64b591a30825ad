import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { isolated, oneLine, severalLines, shortId } from '../../src/rules/text/foreign-text.ts'

const CONFUSING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

describe('one line', () => {
  test.each([
    ['Acme\r\nBcc: all@example.com', 'Acme Bcc: all@example.com'],
    ['pay\u202emoc.elgoog', 'paymoc.elgoog'],
    ['a\u200bb\u200dc\ufeffd', 'abcd'],
    ['  a \t b  ', 'a b'],
    ['e\u0301', '\u00e9'],
    ['\u0000\u0007bell', 'bell'],
    ['a\u2028b', 'a b'],
  ])('%j is shown as %j', (text, shown) => {
    expect(oneLine(text)).toBe(shown)
  })

  test.prop([fc.string({ unit: 'binary' })])('never holds a control or format character or a line end', (text) => {
    expect(oneLine(text)).not.toMatch(CONFUSING)
  })

  test.prop([fc.string({ unit: 'binary' })])('cleaned twice is the same', (text) => {
    expect(oneLine(oneLine(text))).toBe(oneLine(text))
  })
})

test('several lines keep their line ends and nothing else', () => {
  expect(severalLines('\n a\r\nb\u202e\u2028c\n\nd \n')).toBe('a\nb\nc\n\nd')
})

test('what is written from right to left is isolated, other text is left alone', () => {
  expect(isolated('שלום')).toBe('\u2068שלום\u2069')
  expect(isolated('Acme')).toBe('Acme')
})

test('an id is short by its end, where ids differ', () => {
  expect(shortId('org_0mh5k3x9qz1234')).toBe('qz1234')
})
