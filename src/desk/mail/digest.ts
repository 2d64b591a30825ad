import { sql } from 'kysely'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findTitle } from '../../database/letters/facts.ts'
import { findWaitingForMember, findWaitingForStaff, type WaitingRow } from '../../database/letters/waiting.ts'
import { findMemberships, type Membership, type PersonRow } from '../../database/people/people.ts'
import { putLetters } from '../../outbox/letters.ts'
import { DIGEST_ROWS, digestDay, isInTime, nextDigestTime } from '../../rules/digest.ts'
import type { Role } from '../../rules/permissions.ts'

/** Claims the person whose daily letter is due longest, unless another worker has them. */
async function claimReader(trx: Trx): Promise<PersonRow | undefined> {
  return (
    trx
      .selectFrom('person')
      .selectAll()
      // now() rather than clock_timestamp(), which no index can be searched by
      .where('digestDueAt', '<=', sql<Date>`now()`)
      .where('disabledAt', 'is', null)
      .where('passwordHash', 'is not', null)
      .orderBy('digestDueAt')
      .limit(1)
      .forNoKeyUpdate()
      .skipLocked()
      .executeTakeFirst()
  )
}

/** The most pressing first: leaked keys, then what ends soonest. */
function sorted(rows: readonly WaitingRow[]): WaitingRow[] {
  const end = (row: WaitingRow) => row.until?.getTime() ?? 0
  const isUrgent = (row: WaitingRow) => Number(row.reason === 'compromised')
  return rows.toSorted((a, b) => isUrgent(b) - isUrgent(a) || end(a) - end(b))
}

async function findWaiting(trx: Trx, person: PersonRow, memberships: readonly Membership[], now: Date) {
  const { id, staffRole } = person
  const organisationIds = memberships.map((membership) => membership.organisationId)
  const asStaff = staffRole === null ? [] : await findWaitingForStaff(trx, { personId: id, staffRole, organisationIds })
  const asMember = memberships.length === 0 ? [] : await findWaitingForMember(trx, id, now)
  return sorted([...asStaff, ...asMember])
}

function whyThey(person: PersonRow, memberships: readonly Membership[]): string {
  if (person.staffRole !== null) return 'you are on the support staff'
  const [only] = memberships
  return memberships.length === 1 && only !== undefined
    ? `you belong to ${only.organisation}`
    : 'you belong to organisations whose rotations wait'
}

async function shownRows(trx: Trx, rows: readonly WaitingRow[]) {
  const shown = []
  for (const { waiting, ref, organisation, organisationId, reason, until } of rows.slice(0, DIGEST_ROWS)) {
    const title = await findTitle(trx, ref)
    const urgent = reason === 'compromised'
    shown.push({ waiting, ref, organisation, organisationId, title, urgent, until: until?.toISOString() ?? null })
  }
  return shown
}

async function putDigest(trx: Trx, person: PersonRow, now: Date): Promise<void> {
  const memberships = await findMemberships(trx, person.id)
  const waiting = await findWaiting(trx, person, memberships, now)
  if (waiting.length === 0) return
  const { id, name, email, staffRole, timeZone } = person
  const role: Role = staffRole ?? memberships[0]?.role ?? 'viewer'
  const facts = {
    rows: await shownRows(trx, waiting),
    more: Math.max(0, waiting.length - DIGEST_ROWS),
    at: now.toISOString(),
    path: staffRole === null ? '/rotations' : '/queue',
    why: whyThey(person, memberships),
    timeZone,
  }
  const naturalKey = `digest/${id}/${digestDay(person.digestDueAt, timeZone)}`
  const to = { name, address: email }
  const reader = { personId: id, role }
  await putLetters(trx, [{ kind: 'digest', naturalKey, to, reader, facts, thread: null, at: now }])
}

/** Puts a person's daily letter off by some minutes, when it could not be written. */
async function putOff(db: Db, personId: string): Promise<void> {
  await sql`update person set digest_due_at = clock_timestamp() + interval '5 minutes' where id = ${personId}`.execute(
    db,
  )
}

/**
 * Writes the daily letter of one person whose time has come, 08:00 in their time zone, on all that waits for them; none when nothing
 * does. False when nobody's is due whom no other worker has. Each person gets at most one a day, whatever happens to the worker; one that
 * comes very late leaves it to the next day.
 */
export async function writeNextDigest(db: Db): Promise<boolean> {
  let claimed: string | null = null
  try {
    return await db.transaction().execute(async (trx) => {
      const person = await claimReader(trx)
      if (person === undefined) return false
      claimed = person.id
      const now = await clock(trx)
      if (isInTime(person.digestDueAt, now)) await putDigest(trx, person, now)
      const digestDueAt = nextDigestTime(now, person.timeZone)
      await trx.updateTable('person').set({ digestDueAt }).where('id', '=', person.id).execute()
      return true
    })
  } catch (error) {
    if (claimed !== null) await putOff(db, claimed)
    throw error
  }
}
