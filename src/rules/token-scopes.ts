import type { Action } from './permissions.ts'

/** What a personal token may be limited to, each with the words for it. Stable: tokens and scripts name them. */
export const SCOPE_WORDS = {
  read: 'see services, rotations, reports and the audit trail',
  'rotations:file': 'file and withdraw rotations',
  'rotations:write': 'answer questions, write messages and notes',
  'rotations:decide': 'take, approve, reject and mend rotations',
  'rotations:follow-up': 'ask for early revocation, more time or the old keys back',
  'keys:roll': 'roll single keys of self-service services',
  'keys:manage': 'add, change and remove services and keys',
  'versions:reveal': 'pick up new keys',
  'webhooks:manage': 'manage webhooks',
  'members:manage': 'invite and manage people, and recover access',
  'desk:manage': 'manage organisations, staff, gateways and the desk itself',
  'account:manage': 'make and revoke tokens like itself',
} as const
export type Scope = keyof typeof SCOPE_WORDS
export const SCOPES = Object.keys(SCOPE_WORDS).filter(isScope)

/** Which scope a token needs for each action, if it names scopes at all. */
export const SCOPE_OF = {
  'organisations.manage': 'desk:manage',
  'staff.manage': 'desk:manage',
  'members.manage': 'members:manage',
  'members.allowPickUp': 'members:manage',
  'gateways.manage': 'desk:manage',
  'organisations.view': 'read',
  'people.view': 'read',
  'services.view': 'read',
  'services.create': 'keys:manage',
  'rotations.view': 'read',
  'rotations.submit': 'rotations:file',
  'rotations.file': 'rotations:file',
  'rotations.withdraw': 'rotations:file',
  'rotations.revokeEarly': 'rotations:follow-up',
  'rotations.followUp': 'rotations:follow-up',
  'rotations.answer': 'rotations:write',
  'rotations.write': 'rotations:write',
  'rotations.decide': 'rotations:decide',
  'rotations.note': 'rotations:write',
  'rotations.assign': 'rotations:decide',
  'rotations.mend': 'rotations:decide',
  'rotations.submitOnBehalf': 'rotations:file',
  'recovery.manage': 'members:manage',
  'policy.view': 'read',
  'reports.view': 'read',
  'cannedAnswers.manage': 'desk:manage',
  'letters.preview': 'desk:manage',
  'health.view': 'desk:manage',
  'webhooks.manage': 'webhooks:manage',
  'services.remove': 'keys:manage',
  'keys.manage': 'keys:manage',
  'keys.roll': 'keys:roll',
  'delivery.manage': 'keys:manage',
  'versions.fetchSealed': 'versions:reveal',
  'versions.reissue': 'keys:manage',
  'dependants.manage': 'keys:manage',
  'tasks.tick': 'rotations:write',
  'reviews.view': 'read',
  'reviews.carryOut': 'keys:manage',
  'suspicions.view': 'read',
  'suspicions.dismiss': 'keys:manage',
  'leaks.view': 'read',
  'policy.manage': 'desk:manage',
  'imports.manage': 'desk:manage',
  'keys.emergencyRevoke': 'members:manage',
  'versions.reveal': 'versions:reveal',
  'tokens.manage': 'account:manage',
  'audit.view': 'read',
} as const satisfies Record<Action, Scope>

/** What an unattended token does without a step-up; its making was the step-up for all of it. */
const UNATTENDED: readonly Scope[] = ['rotations:file', 'keys:roll', 'versions:reveal']
/** What it may be given: that, and reading, which needs no step-up anyway. */
export const UNATTENDED_SCOPES: readonly Scope[] = ['read', ...UNATTENDED]

/** The token that somebody acts through, as far as it narrows or widens what they may do. No scopes: all that the person may. */
export type ActingToken = {
  id: string
  scopes: readonly string[]
  unattended: boolean
  /** Where it may be used from; anywhere when there are none. */
  ipRanges: readonly string[]
}

export function isScope(text: string): text is Scope {
  return Object.hasOwn(SCOPE_WORDS, text)
}

/** Whether the token's scopes name the action's. */
export function scopesAllow(token: ActingToken, action: Action): boolean {
  return token.scopes.length === 0 || token.scopes.includes(SCOPE_OF[action])
}

/** Whether the action is one that this token does without a step-up: an unattended one, of a scope that it names. */
export function needsNoStepUp(token: ActingToken | undefined, action: Action): boolean {
  return token?.unattended === true && UNATTENDED.includes(SCOPE_OF[action]) && scopesAllow(token, action)
}

/** Whether these scopes may be given to a token that the acting one makes: nothing makes a token that may do more than itself. */
export function mayHandOn(acting: ActingToken | undefined, scopes: readonly string[]): boolean {
  if (acting === undefined || acting.scopes.length === 0) return true
  return scopes.length > 0 && scopes.every((scope) => acting.scopes.includes(scope))
}

/** What is wrong with the scopes of an unattended token, as a sentence, or null. */
export function unattendedScopesProblem(scopes: readonly string[]): string | null {
  if (!scopes.some((scope) => UNATTENDED.some((allowed) => allowed === scope))) {
    return `An unattended token needs at least one of ${UNATTENDED.join(', ')}.`
  }
  const other = scopes.find((scope) => !UNATTENDED_SCOPES.some((allowed) => allowed === scope))
  return other === undefined ? null : `An unattended token can’t have the scope ${other}.`
}
