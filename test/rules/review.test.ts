import { expect, test } from 'vitest'
import { changeProblems, findingOf, lowerPermissions, suggestion } from '../../src/rules/watch/review.ts'

const now = new Date('2026-06-30T12:00:00Z')
const ago = (days: number) => new Date(now.getTime() - days * 86_400_000)
const key = {
  enabled: true,
  permission: 'admin',
  createdAt: ago(400),
  lastUsedAt: ago(1),
  permissionUsed: 'admin',
} as const

test.each([
  ['used for all that it may do', {}, 'fits'],
  ['used for less', { permissionUsed: 'read_write' as const }, 'too_wide'],
  ['used, and no gateway told for what', { permissionUsed: null }, 'not_told'],
  ['used 90 days ago to the millisecond', { lastUsedAt: ago(90) }, 'fits'],
  ['used longer ago', { lastUsedAt: new Date(ago(90).getTime() - 1) }, 'unused'],
  ['never used in 30 days', { lastUsedAt: null, createdAt: ago(30) }, 'young'],
  ['never used in more than 30 days', { lastUsedAt: null, createdAt: new Date(ago(30).getTime() - 1) }, 'unused'],
  ['disabled, whatever else', { enabled: false, lastUsedAt: null }, 'disabled'],
])('a key that is %s is found to be so', (_name, more, finding) => {
  expect(findingOf({ ...key, ...more }, now)).toBe(finding)
})

test('a review suggests to lower what was used for less, and to disable what was not used', () => {
  expect(suggestion('too_wide', { ...key, permissionUsed: 'read_only' })).toBe('lower it to “Read only”')
  expect(suggestion('unused', key)).toBe('disable it')
  expect(suggestion('fits', key)).toBeNull()
  expect(lowerPermissions('admin')).toEqual(['read_write', 'read_only'])
  expect(lowerPermissions('read_only')).toEqual([])
})

test('a review never widens, and decides about each key once', () => {
  const keys = new Map([['key_1', { permission: 'read_write' as const }]])
  const lower = (permission: 'admin' | 'read_write' | 'read_only') => ({
    keyId: 'key_1',
    do: 'lower' as const,
    permission,
  })
  expect(changeProblems([lower('read_only')], keys)).toEqual([])
  expect(changeProblems([lower('read_write')], keys)).toEqual([])
  expect(changeProblems([lower('admin')], keys)).toMatchObject([{ pointer: '/changes/0/permission' }])
  const twice = [lower('read_only'), { keyId: 'key_1', do: 'disable' as const }]
  expect(changeProblems(twice, keys)).toMatchObject([{ pointer: '/changes/1/keyId' }])
})
