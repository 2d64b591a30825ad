import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { ownPath } from '../../src/web/security.ts'

const ORIGIN = 'https://keys.example.com'

test.each([
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '/\r\nLocation: https://evil.example',
  '\t//evil.example',
  ' //evil.example',
  'https://evil.example',
  'HTTPS:evil.example',
  'https:/evil.example',
  'http:evil.example',
  'javascript:alert(1)',
  'data:text/html,x',
  'evil.example',
  '@evil.example',
  '.evil.example',
  '/x\\..\\..\\evil',
  '/ü',
  '/a b',
  '/\u0000',
  '',
])('%j leads to the start page', (path) => {
  expect(ownPath(path)).toBe('/')
})

test.each(['/', '/rotations/ROT-1042', '/rotations?status=submitted&q=%2F%2Fevil', '/a//b', '/x#y', '/.//evil'])(
  '%j is a path of ours and stays as it is',
  (path) => {
    expect(ownPath(path)).toBe(path)
    expect(new URL(path, ORIGIN).origin).toBe(ORIGIN)
  },
)

const pieces = fc.constantFrom(
  '/',
  '\\',
  '//',
  ':',
  '@',
  '.',
  '%2f',
  '\t',
  '\n',
  '\u0000',
  'https:',
  'evil.example',
  'a',
  '?',
  '#',
)
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(pieces).map((parts) => parts.join('')),
)

property.prop([text], { numRuns: 5_000 })('whatever is asked for, a redirect stays on the desk', (asked) => {
  const url = new URL(ownPath(asked), ORIGIN)
  expect(url.origin).toBe(ORIGIN)
})
