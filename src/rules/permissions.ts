import type { Permission } from './keys/verdict.ts'
import { Refusal } from './refusals.ts'
import { type ActingToken, SCOPE_OF, SCOPES, type Scope, scopesAllow } from './token-scopes.ts'

export const MEMBER_ROLES = ['owner', 'developer', 'viewer'] as const
export type MemberRole = (typeof MEMBER_ROLES)[number]
export const STAFF_ROLES = ['agent', 'admin'] as const
export type StaffRole = (typeof STAFF_ROLES)[number]
export type Role = MemberRole | StaffRole

const MEMBERS: readonly Role[] = MEMBER_ROLES
const STAFF: readonly Role[] = STAFF_ROLES

/** Which roles may do what. What is not listed for a role is denied; the guards of each move come on top. */
export const ACTIONS = {
  'organisations.manage': ['admin'],
  'organisations.view': STAFF,
  'staff.manage': ['admin'],
  'members.manage': ['owner', 'admin'],
  'people.view': ['owner', ...STAFF],
  'members.allowPickUp': ['owner'],
  'gateways.manage': ['admin'],
  'services.view': [...MEMBERS, ...STAFF],
  'services.create': ['owner', 'admin'],
  'rotations.view': [...MEMBERS, ...STAFF],
  'rotations.submit': ['owner'],
  // for their own organisation, or on behalf of an owner
  'rotations.file': ['owner', ...STAFF],
  'rotations.withdraw': ['owner'],
  'rotations.revokeEarly': ['owner'],
  'rotations.followUp': ['owner'],
  'rotations.answer': ['owner'],
  'rotations.write': ['owner', 'developer', ...STAFF],
  'rotations.decide': STAFF,
  'rotations.note': STAFF,
  'rotations.assign': STAFF,
  'rotations.mend': STAFF,
  'rotations.submitOnBehalf': STAFF,
  'recovery.manage': STAFF,
  'policy.view': STAFF,
  'reports.view': STAFF,
  'cannedAnswers.manage': ['admin'],
  'letters.preview': ['admin'],
  'health.view': ['admin'],
  'webhooks.manage': ['owner', 'admin'],
  'services.remove': ['owner'],
  'keys.manage': ['owner'],
  'keys.roll': ['owner'],
  // where the service sends its new keys, encrypted
  'delivery.manage': ['owner'],
  'versions.fetchSealed': ['owner'],
  'versions.reissue': ['owner'],
  'dependants.manage': ['owner'],
  'tasks.tick': ['owner', 'developer'],
  'reviews.view': ['owner', ...STAFF],
  'reviews.carryOut': ['owner'],
  'suspicions.view': ['owner', ...STAFF],
  'suspicions.dismiss': ['owner'],
  'leaks.view': STAFF,
  'policy.manage': ['admin'],
  'imports.manage': ['admin'],
  // only within a recovery case; it reveals nothing
  'keys.emergencyRevoke': STAFF,
  'versions.reveal': ['owner', 'developer'],
  'tokens.manage': [...MEMBERS, ...STAFF],
  'audit.view': [...MEMBERS, ...STAFF],
} as const satisfies Record<string, readonly Role[]>
export type Action = keyof typeof ACTIONS

function isAction(text: string): text is Action {
  return Object.hasOwn(ACTIONS, text)
}
const ACTION_NAMES = Object.keys(ACTIONS).filter(isAction)

export function roleMay(role: Role, action: Action): boolean {
  const roles: readonly Role[] = ACTIONS[action]
  return roles.includes(role)
}

/** The scopes that are of any use to a role. */
export function scopesOf(role: Role): Scope[] {
  const useful = new Set<Scope>(
    ACTION_NAMES.filter((action) => roleMay(role, action)).map((action) => SCOPE_OF[action]),
  )
  return SCOPES.filter((scope) => useful.has(scope))
}

/** What a key of each kind may do unless its owner says otherwise. */
export function defaultPermission(kind: 'auth' | 'admin'): Permission {
  return kind === 'admin' ? 'admin' : 'read_write'
}

/**
 * Whoever acts in a verb. A person acts in one chosen membership, or as staff (`organisationId` null); verbs take the
 * organisation from here, never from what was sent.
 */
export type PersonActor = {
  kind: 'person'
  personId: string
  name: string
  role: Role
  organisationId: string | null
  /** Absent where the person acts through a session. */
  token?: ActingToken
  /** The client's address, where one is known. */
  address?: string
}
/** `desk` is the desk itself, where a rule of its own strikes, such as the lock after too many wrong codes. */
export type Actor = PersonActor | { kind: 'worker' } | { kind: 'setup' } | { kind: 'desk' }

/**
 * The first line of every verb, and what every route and page asks first: the role may do it, and so may the token that
 * the person acts through. Refuses NOT_ALLOWED or NOT_IN_SCOPE.
 */
export function requireRole(actor: PersonActor, action: Action): void {
  if (!roleMay(actor.role, action)) throw new Refusal('NOT_ALLOWED')
  if (actor.token !== undefined && !scopesAllow(actor.token, action)) throw new Refusal('NOT_IN_SCOPE')
}
