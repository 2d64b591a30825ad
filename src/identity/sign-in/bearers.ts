import type { Db } from '../../database/connect.ts'
import {
  type BearerRow,
  findPersonalToken,
  findSession,
  noteSessionSeen,
  noteTokenUsed,
  type SessionRow,
} from '../../database/people/sessions.ts'
import type { PersonActor, Role } from '../../rules/permissions.ts'
import { hashToken } from '../../secrets/tokens.ts'

export const PERSONAL_TOKEN_PREFIX = 'rkp_'

/**
 * Whoever a session or personal token stands for. `complete` is false until the one-time code was given: such a bearer
 * may do nothing but that.
 */
export type Bearer = {
  id: string
  type: 'session' | 'token'
  actor: PersonActor
  formToken: string | null
  complete: boolean
  email: string
  timeZone: string
}

/**
 * Staff act as staff where no organisation was chosen; everyone else in the membership they chose, while they have it.
 */
function roleOf(row: BearerRow): Role | null {
  return row.organisationId === null ? row.staffRole : row.memberRole
}

function actorOf(row: BearerRow): PersonActor | null {
  const role = roleOf(row)
  if (role === null) return null
  return { kind: 'person', personId: row.personId, name: row.name, role, organisationId: row.organisationId }
}

/** Session and token rows become the same bearer, so that nothing else asks which it was. */
function toBearer(row: BearerRow | SessionRow | undefined): Bearer | null {
  const actor = row === undefined ? null : actorOf(row)
  if (row === undefined || actor === null) return null
  const session = 'formToken' in row
  return {
    id: row.id,
    type: session ? 'session' : 'token',
    actor,
    formToken: session ? row.formToken : null,
    complete: session ? row.complete : true,
    email: row.email,
    timeZone: row.timeZone,
  }
}

/**
 * The bearer of a session token, or null once it has ended by idleness, age, sign-out, or because the person, their
 * role or membership is gone. `passive` is for what a page asks by itself: it doesn't keep the session alive.
 */
export async function findSessionBearer(db: Db, token: string, passive = false): Promise<Bearer | null> {
  const tokenHash = hashToken(token)
  const row = await findSession(db, tokenHash)
  if (row?.seenLongAgo && row.complete && !passive) await noteSessionSeen(db, tokenHash)
  return toBearer(row)
}

/**
 * The bearer of a personal token (`rkp_…`), or null when it is unknown, revoked, past its end, or its person is out.
 */
export async function findTokenBearer(db: Db, token: string): Promise<Bearer | null> {
  if (!token.startsWith(PERSONAL_TOKEN_PREFIX)) return null
  const tokenHash = hashToken(token)
  const row = await findPersonalToken(db, tokenHash)
  const bearer = toBearer(row)
  if (bearer !== null && row?.usedLongAgo) await noteTokenUsed(db, tokenHash)
  return bearer
}
