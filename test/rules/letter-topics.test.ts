import { describe, expect, test } from 'vitest'
import { LETTER_KINDS } from '../../src/outbox/letters.ts'
import { ALWAYS_TO_OWNERS, isWanted, LETTER_TOPICS, TOPICS, topicsOf } from '../../src/rules/letter-topics.ts'
import { MEMBER_ROLES, type Role, STAFF_ROLES } from '../../src/rules/permissions.ts'

const ROLES: readonly Role[] = [...MEMBER_ROLES, ...STAFF_ROLES]
/** Letters about somebody's security: nobody can do without them. */
const SECURITY = [
  'filed-on-behalf',
  'invitation',
  'account-locked',
  'password-reset',
  'email-change',
  'lost-access',
  'access-link',
  'security-notice',
]
/** What screens.md has all owners told. */
const TO_OWNERS = [
  'received',
  'withdrawn',
  'new-keys-ready',
  'old-key-stops',
  'stops-sooner',
  'old-key-revoked',
  'extended',
  'rolled-back',
  'completed',
]

test('every kind of letter has its topic, or none that could be switched off', () => {
  expect(Object.keys(LETTER_TOPICS).toSorted()).toEqual([...LETTER_KINDS].toSorted())
  expect([...ALWAYS_TO_OWNERS].toSorted()).toEqual(TO_OWNERS.toSorted())
})

describe.each(LETTER_KINDS)('%s', (kind) => {
  test.each(ROLES)('to %s', (role) => {
    const fixed = SECURITY.includes(kind) || (role === 'owner' && TO_OWNERS.includes(kind))
    expect(isWanted(kind, role, [])).toBe(true)
    expect(isWanted(kind, role, TOPICS)).toBe(fixed)
    const topic = LETTER_TOPICS[kind]
    if (topic !== null)
      expect(
        isWanted(
          kind,
          role,
          TOPICS.filter((other) => other !== topic),
        ),
      ).toBe(true)
  })
})

test('people are offered the topics of what they are, in one place or several', () => {
  expect(topicsOf(['viewer'])).toEqual(['progress', 'reminders', 'messages', 'trouble', 'digest'])
  expect(topicsOf(['agent'])).toEqual(['messages', 'decisions', 'trouble', 'digest'])
  expect(topicsOf(['admin', 'owner'])).toEqual([...TOPICS])
})
