import type { Db } from '../../database/connect.ts'
import {
  type BearerRow,
  findPersonalToken,
  findSession,
  noteSessionSeen,
  noteTokenUsed,
  type SessionRow,
  type TokenRow,
} from '../../database/people/sessions.ts'
import { ipInRanges } from '../../rules/keys/addresses.ts'
import type { PersonActor, Role } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import type { ActingToken } from '../../rules/token-scopes.ts'
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

function actorOf(row: BearerRow, token?: ActingToken): PersonActor | null {
  const role = roleOf(row)
  if (role === null) return null
  const actor = {
    kind: 'person',
    personId: row.personId,
    name: row.name,
    role,
    organisationId: row.organisationId,
  } as const
  return token === undefined ? actor : { ...actor, token }
}

function toBearer(row: BearerRow, actor: PersonActor | null): Bearer | null {
  if (actor === null) return null
  const { id, email, timeZone } = row
  return { id, type: 'token', actor, formToken: null, complete: true, email, timeZone }
}

function sessionBearer(row: SessionRow | undefined): Bearer | null {
  const bearer = row === undefined ? null : toBearer(row, actorOf(row))
  if (row === undefined || bearer === null) return null
  return { ...bearer, type: 'session', formToken: row.formToken, complete: row.complete }
}

/** An unattended token is an owner's standing word, and ends with their being one. */
function tokenBearer(row: TokenRow | undefined): Bearer | null {
  if (row === undefined || (row.unattended && row.memberRole !== 'owner')) return null
  const { id, scopes, unattended, ipRanges } = row
  return toBearer(row, actorOf(row, { id, scopes, unattended, ipRanges }))
}

/**
 * The bearer of a session token, or null once it has ended by idleness, age, sign-out, or because the person, their
 * role or membership is gone. `passive` is for what a page asks by itself: it doesn't keep the session alive.
 */
export async function findSessionBearer(db: Db, token: string, passive = false): Promise<Bearer | null> {
  const tokenHash = hashToken(token)
  const row = await findSession(db, tokenHash)
  if (row?.seenLongAgo && row.complete && !passive) await noteSessionSeen(db, tokenHash)
  return sessionBearer(row)
}

/**
 * The bearer of a personal token (`rkp_…`), or null when it is unknown, revoked, past its end, or its person is out.
 * Refuses NOT_ALLOWED when it is bound to other addresses than the one that the call came from.
 */
export async function findTokenBearer(db: Db, token: string, address = ''): Promise<Bearer | null> {
  if (!token.startsWith(PERSONAL_TOKEN_PREFIX)) return null
  const tokenHash = hashToken(token)
  const row = await findPersonalToken(db, tokenHash)
  const bearer = tokenBearer(row)
  if (row === undefined || bearer === null) return null
  if (row.ipRanges.length > 0 && !ipInRanges(address, row.ipRanges)) {
    throw new Refusal('NOT_ALLOWED', { detail: 'This token may not be used from the address that the call came from.' })
  }
  if (row.usedLongAgo) await noteTokenUsed(db, tokenHash)
  return bearer
}
