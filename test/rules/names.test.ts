import { describe, expect, test } from 'vitest'
import { checkedName, cleanEmail, cleanName, nameProblem } from '../../src/rules/text/names.ts'

describe('a name', () => {
  test.each([
    ['Ada Lovelace', 'Ada Lovelace'],
    ['  Ada \u00A0 Lovelace ', 'Ada Lovelace'],
    ['Jose\u0301', 'José'],
    ['محمد', 'محمد'],
    ['Ünal & Söhne (GmbH)', 'Ünal & Söhne (GmbH)'],
    ['<b>O’Neil</b>', '<b>O’Neil</b>'],
    ['🦊', '🦊'],
    ['x'.repeat(100), 'x'.repeat(100)],
  ])('%j is kept as %j', (text, name) => {
    expect(cleanName(text)).toBe(name)
  })

  test.each([
    ['nothing', ''],
    ['spaces', ' \u3000 '],
    ['more than 100 characters', 'x'.repeat(101)],
    ['a line end', 'Ada\nLovelace'],
    ['a carriage return', 'Ada\r\nBcc: x@y.example'],
    ['NUL', 'Ada\u0000'],
    ['a right-to-left override', 'Ada\u202Etxt.exe'],
    ['an isolate', '\u2066Ada\u2069'],
    ['a zero-width space', 'A\u200Bda'],
    ['only a zero-width joiner', '\u200D'],
    ['a soft hyphen', 'A\u00ADda'],
    ['a byte order mark within', 'A\uFEFFda'],
    ['a tag character', 'Ada\u{E0041}'],
    ['a lone surrogate', 'Ada\uD800'],
    ['a private-use character', 'Ada\uE000'],
    ['a line separator', 'Ada\u2028Lovelace'],
    ['only a combining mark', '\u0301'],
  ])('with %s is refused', (_, text) => {
    expect(cleanName(text)).toBeNull()
  })
})

describe('an email address', () => {
  test.each([
    ['ada@acme.example', 'ada@acme.example'],
    [' Ada@Acme.EXAMPLE ', 'ada@acme.example'],
    ["o'neil+keys@mail.acme.co.uk", "o'neil+keys@mail.acme.co.uk"],
    ['a@xn--bcher-kva.example', 'a@xn--bcher-kva.example'],
  ])('%j is kept as %j', (text, email) => {
    expect(cleanEmail(text)).toBe(email)
  })

  test.each([
    '',
    'ada',
    'ada@',
    '@acme.example',
    'ada@localhost',
    'ada@@acme.example',
    'ada@acme@evil.example',
    'ada@acme..example',
    'ada@-acme.example',
    '.ada@acme.example',
    'a..b@acme.example',
    'ada@acme.example,eve@evil.example',
    'ada@acme.example;eve@evil.example',
    'Ada <ada@acme.example>',
    '"ada"@acme.example',
    'ada(comment)@acme.example',
    'ada@acme.example\r\nBcc: eve@evil.example',
    'ada\n@acme.example',
    'ada@acme.example\u0000',
    'ad\u0430@acme.example',
    'ada@[127.0.0.1]',
    `${'a'.repeat(65)}@acme.example`,
    `a@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.${'e'.repeat(63)}.example`,
  ])('%j is refused', (text) => {
    expect(cleanEmail(text)).toBeNull()
  })
})

const KEY = 'rk_auth_live_CANARYcanaryCANARYcanaryCANARY12345678'

test.each([KEY, `Ledger ${KEY}`])('no name holds what looks like a key: %s', (name) => {
  expect(() => checkedName(name)).toThrow(expect.objectContaining({ code: 'CONTAINS_SECRET' }))
  expect(nameProblem(name)).toMatch(/API key/)
})
