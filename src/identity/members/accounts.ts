import { DESK_CHAIN } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findMemberships, type PersonRow } from '../../database/people/people.ts'
import type { Notice } from '../../outbox/letters.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { endAccess } from './access.ts'
import { type ChainedFact, recordInChains } from './chains.ts'
import { proposeRotation } from './propose.ts'
import { lockStaff } from './staff.ts'
import { asContact, tellLeaders, tellPerson } from './told.ts'
import { unassign } from './unassign.ts'

const STAFF = { organisationId: null, organisation: null }

/**
 * Disables an account everywhere: sessions and tokens end at once, nobody signs in with it, and the rotations its person looked after
 * are nobody's. It may leave an organisation without an owner; a leaked account is worse. Staff admins only. Refuses NOT_ALLOWED,
 * NOT_FOUND and LAST_ADMIN. Repeated, it changes and records nothing.
 */
export async function disablePerson(db: Db, actor: PersonActor, personId: string): Promise<void> {
  requireRole(actor, 'staff.manage')
  await db.transaction().execute(async (trx) => {
    const { person, isLastAdmin } = await lockStaff(trx, actor, personId)
    if (person.disabledAt !== null) return
    if (isLastAdmin) throw new Refusal('LAST_ADMIN')
    const released = await unassign(trx, actor, personId)
    const at = await clock(trx)
    await trx.updateTable('person').set({ disabledAt: at }).where('id', '=', personId).execute()
    await endAccess(trx, personId, 'everywhere', at)
    for (const place of await findMemberships(trx, personId)) {
      const concerned = { personId, name: person.name, role: place.role }
      await proposeRotation(trx, { place, person: concerned, cause: 'account_disabled', at })
    }
    await recordAndTell(trx, person, { action: 'person.disable', notice: 'account_disabled', actor, at }, released)
  })
}

/** Lets somebody sign in again with the password and code device they had. Staff admins only. Refuses NOT_ALLOWED and NOT_FOUND. */
export async function enablePerson(db: Db, actor: PersonActor, personId: string): Promise<void> {
  requireRole(actor, 'staff.manage')
  await db.transaction().execute(async (trx) => {
    const { person } = await lockStaff(trx, actor, personId)
    if (person.disabledAt === null) return
    const at = await clock(trx)
    await trx.updateTable('person').set({ disabledAt: null }).where('id', '=', personId).execute()
    await recordAndTell(trx, person, { action: 'person.enable', notice: 'account_enabled', actor, at })
  })
}

/**
 * Opens an account that too many wrong codes locked; password and code device stay. Staff admins only. Refuses NOT_ALLOWED and
 * NOT_FOUND. Repeated, it changes and records nothing.
 */
export async function unlockAccount(db: Db, actor: PersonActor, personId: string): Promise<void> {
  requireRole(actor, 'staff.manage')
  await db.transaction().execute(async (trx) => {
    const { person } = await lockStaff(trx, actor, personId)
    if (person.lockedAt === null) return
    const at = await clock(trx)
    await trx
      .updateTable('person')
      .set({ lockedAt: null, wrongCodes: 0, wrongCodesSince: null, consecutiveWrongCodes: 0 })
      .where('id', '=', personId)
      .execute()
    await recordAndTell(trx, person, { action: 'person.unlock', notice: 'account_unlocked', actor, at })
  })
}

type Change = { action: string; notice: Notice; actor: PersonActor; at: Date }

/**
 * Writes a change of an account into the chains of its person's organisations, and the desk's for the staff, with what else came of
 * it; tells everybody who leads one of these, and the person once.
 */
async function recordAndTell(trx: Trx, person: PersonRow, change: Change, released: readonly ChainedFact[] = []) {
  const { action, notice, actor, at } = change
  const memberships = await findMemberships(trx, person.id)
  const ofDesk = person.staffRole !== null || memberships.length === 0
  const places = [...(ofDesk ? [STAFF] : []), ...memberships]
  const facts = places.map(({ organisationId }) => ({
    chain: organisationId ?? DESK_CHAIN,
    action,
    actor,
    facts: { person: person.id },
  }))
  const entries = await recordInChains(trx, at, [...facts, ...released])
  const told = { notice, person: asContact(person), who: actor.name, at }
  for (const [i, place] of places.entries()) {
    const entry = entries.get(place.organisationId ?? DESK_CHAIN)
    if (entry === undefined) throw new Error('the change was not recorded')
    await tellLeaders(trx, place, { ...told, entry })
    if (i === 0) await tellPerson(trx, STAFF, { ...told, entry })
  }
}
