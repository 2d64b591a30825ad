import { describe, expect, test } from 'vitest'
import { normalisePassword, passwordProblem } from '../../src/rules/passwords.ts'

const ada = { name: 'Ada Lovelace', email: 'ada.lovelace@acme.example' }

describe('a new password', () => {
  test.each([
    'a kettle of nine herons',
    'herons herons herons',
    'lower case only text',
    '日本語のパスワードは十二文字以上です',
    'ada keeps nine herons',
    'my-rekey-is-not-the-password',
    'aB3$'.repeat(64),
    '            spaces count',
  ])('%j is good: no rules on what it is made of', (password) => {
    expect(passwordProblem(password, ada)).toBeNull()
  })

  test.each([
    ['has 11 characters', 'abcdefghijk'],
    ['has 257 characters', `${'aB3$'.repeat(64)}x`],
    ['has 12 bytes but 4 characters', '🦊🦊🦊🦊'],
    ['is the address', 'ada.lovelace@acme.example'],
    ['is the address in capitals with digits', 'ADA.LOVELACE@ACME.EXAMPLE1'],
    ['is what stands before the @, and digits', 'ada.lovelace2026'],
    ['is the name', 'Ada Lovelace'],
    ['is the name with signs', 'Ada-Lovelace-1'],
    ['is the product with digits', 'Rekey1234567'],
    ['is the product again and again', 'rekeyrekeyrekey!'],
    ['is one character again and again', 'aaaaaaaaaaaaaaa'],
    ['is made of three characters', '121212121212123'],
    ['is among the first guesses', 'password1234'],
    ['is among the first guesses with signs', 'Correct-Horse-Battery-Staple'],
  ])('that %s is refused with a sentence', (_, password) => {
    expect(passwordProblem(password, ada)).toMatch(/\.$/)
  })

  test('counts as the same however its accents were typed', () => {
    expect(normalisePassword('cle\u0301 de vou\u0302te')).toBe(normalisePassword('clé de voûte'))
  })
})
