import { randomBytes } from 'node:crypto'
import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { isPlausibleKey, makeKeyText } from '../../src/rules/keys/key-text.ts'
import { containsSecret } from '../../src/rules/keys/secret-text.ts'

const key = makeKeyText('rk', 'auth', 'live', randomBytes)

test('a key is prefix, kind, environment, 32 characters of secret and 6 of checksum', () => {
  expect(key).toMatch(/^rk_auth_live_[0-9A-Za-z]{38}$/)
  expect(makeKeyText('acme', 'admin', 'sandbox', randomBytes)).toMatch(/^acme_admin_sandbox_[0-9A-Za-z]{38}$/)
  expect(isPlausibleKey('rk', key)).toBe(true)
})

test('the checksum is CRC-32 in base62, zero-padded', () => {
  // CRC-32 of "rk_auth_live_" and 32 zeros is 0xda00e03e, computed with another program.
  const zeros = makeKeyText('rk', 'auth', 'live', (count) => new Uint8Array(count))
  expect(zeros.slice(0, -6)).toBe(`rk_auth_live_${'0'.repeat(32)}`)
  expect(zeros.slice(-6)).toBe('3zWSMA')
})

test('bytes that would make some characters likelier are thrown away', () => {
  let calls = 0
  const made = makeKeyText('rk', 'auth', 'live', (count) => new Uint8Array(count).fill(calls++ === 0 ? 255 : 61))
  expect(made.slice(13, 45)).toBe('z'.repeat(32))
  expect(calls).toBe(2)
})

property.prop([fc.nat({ max: key.length - 1 }), fc.constantFrom(...'aZ09_')])(
  'a key with one character changed is not plausible',
  (place, character) => {
    const changed = key.slice(0, place) + character + key.slice(place + 1)
    fc.pre(changed !== key && changed.startsWith('rk_'))
    expect(isPlausibleKey('rk', changed)).toBe(false)
  },
)

property.prop([fc.string({ unit: 'binary', maxLength: 400 })])('any text gets an answer', (text) => {
  expect(isPlausibleKey('rk', `rk_${text}`)).toBe(false)
  expect(isPlausibleKey('rk', text)).toBe(text.length > 0 && text.length <= 256 && !text.startsWith('rk_'))
})

test('text that is not in our form may be an imported key, up to 256 characters', () => {
  expect(isPlausibleKey('rk', 'sk_live_imported')).toBe(true)
  expect(isPlausibleKey('rk', 'x'.repeat(256))).toBe(true)
  expect(isPlausibleKey('rk', 'x'.repeat(257))).toBe(false)
  expect(isPlausibleKey('rk', '')).toBe(false)
})

test('a key or a token of the desk is found in free text, also with a typo in it', () => {
  expect(containsSecret(`please rotate ${key}, thanks`)).toBe(true)
  expect(containsSecret(`please rotate ${key.slice(0, -3)}`)).toBe(true)
  expect(containsSecret(`token rkp_${'a1'.repeat(20)}`)).toBe(true)
  expect(containsSecret('the key rk_auth_live ending in 9xYz')).toBe(false)
})
