import type { Role } from './permissions.ts'

/** What people can choose to get no letters about. */
export const TOPICS = ['progress', 'reminders', 'messages', 'decisions', 'trouble', 'digest'] as const
export type Topic = (typeof TOPICS)[number]

/** The topic of each kind of letter; null for what concerns somebody's security or account, which nobody can switch off. */
export const LETTER_TOPICS = {
  received: 'progress',
  'approval-needed': 'decisions',
  approved: 'progress',
  rejected: 'progress',
  withdrawn: 'progress',
  'new-keys-ready': 'progress',
  'old-key-revoked': 'progress',
  completed: 'progress',
  'filed-on-behalf': null,
  question: 'messages',
  answered: 'messages',
  message: 'messages',
  'expires-soon': 'decisions',
  expired: 'progress',
  delayed: 'trouble',
  failed: 'trouble',
  'old-key-stops': 'reminders',
  'not-picked-up': 'reminders',
  'stops-sooner': 'reminders',
  'follow-up-needed': 'decisions',
  'follow-up-rejected': 'progress',
  extended: 'progress',
  'rolled-back': 'progress',
  closed: 'progress',
  invitation: null,
  'account-locked': null,
  'password-reset': null,
  'email-change': null,
  'lost-access': null,
  'access-link': null,
  'security-notice': null,
  digest: 'digest',
} as const satisfies Record<string, Topic | null>
export type LetterWithTopic = keyof typeof LETTER_TOPICS

/** What owners are always told: whoever took over one of their accounts must not be able to rotate keys unseen. */
export const ALWAYS_TO_OWNERS: readonly LetterWithTopic[] = [
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

/** Whether a reader in this role gets a letter of the kind, given the topics that they switched off. */
export function isWanted(kind: LetterWithTopic, role: Role, muted: readonly string[]): boolean {
  const topic = LETTER_TOPICS[kind]
  if (topic === null || (role === 'owner' && ALWAYS_TO_OWNERS.includes(kind))) return true
  return !muted.includes(topic)
}

const FOR_MEMBERS: readonly Topic[] = ['progress', 'reminders', 'messages', 'trouble', 'digest']
const FOR_STAFF: readonly Topic[] = ['decisions', 'messages', 'trouble', 'digest']

/** The topics that somebody with these roles, in one place or several, gets letters about. */
export function topicsOf(roles: readonly Role[]): Topic[] {
  const isStaff = (role: Role) => role === 'agent' || role === 'admin'
  return TOPICS.filter((topic) => roles.some((role) => (isStaff(role) ? FOR_STAFF : FOR_MEMBERS).includes(topic)))
}
