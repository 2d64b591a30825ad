import type { AccountState, ListedInvitation, ListedPerson } from '../../database/people/places.ts'
import type { Role } from '../../rules/permissions.ts'
import { ROLE_WORDS } from '../../rules/text/words.ts'
import { type ShownTime, shownTime, shownTimeOrNull } from './times.ts'

type Tag = { word: string; color: 'danger' | 'warning' | 'neutral' }

/** What keeps somebody from signing in, as tags; none when nothing does. */
export function stateTags({ disabledAt, lockedAt, secondFactor }: AccountState): Tag[] {
  return [
    ...(disabledAt === null ? [] : [{ word: 'Disabled', color: 'neutral' } as const]),
    ...(lockedAt === null ? [] : [{ word: 'Locked', color: 'danger' } as const]),
    ...(secondFactor ? [] : [{ word: 'No code device', color: 'warning' } as const]),
  ]
}

export type ShownPerson = {
  personId: string
  name: string
  email: string
  roleWord: string
  tags: Tag[]
  href: string
  codeGivenAt: ShownTime | null
}

/** Somebody as a row of a list. */
export function personRow(person: ListedPerson, timeZone: string): ShownPerson {
  const { personId, name, email, role } = person
  return {
    personId,
    name,
    email,
    roleWord: ROLE_WORDS[role],
    tags: stateTags(person),
    href: `/people/${personId}`,
    codeGivenAt: shownTimeOrNull(person.codeGivenAt, timeZone),
  }
}

/** An open invitation as a row of a list. */
export function invitationRow(invitation: ListedInvitation, timeZone: string) {
  const { id, name, email, role, ranOut, recovery, expiresAt } = invitation
  return {
    name,
    email,
    roleWord: ROLE_WORDS[role],
    href: `/people/invitations/${id}`,
    ranOut,
    recovery,
    expiresAt: shownTime(expiresAt, timeZone),
  }
}

const ROLE_HINTS = {
  owner: 'files rotations, picks up and revokes keys, invites people',
  developer: 'sees everything; picks up new keys where an owner allows it',
  viewer: 'sees everything, changes nothing',
  agent: 'decides requests',
  admin: 'manages organisations, gateways and the staff',
} as const satisfies Record<Role, string>

/** Roles as radio buttons; the first one's id is what an error summary leads to. */
export function roleChoices(roles: readonly Role[], chosen: string | undefined) {
  return roles.map((role, i) => ({
    value: role,
    inputId: i === 0 ? 'role' : `role-${role}`,
    label: ROLE_WORDS[role],
    hint: ROLE_HINTS[role],
    chosen: chosen === role,
  }))
}
