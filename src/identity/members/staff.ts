import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findAllStaff } from '../../database/people/memberships.ts'
import { lockDesk, lockPerson } from '../../database/people/people.ts'
import { isLastOne } from '../../rules/members.ts'
import { type PersonActor, requireRole, type StaffRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { endAccess, endStepUps } from './access.ts'
import { recordInChains } from './chains.ts'
import { asContact, type ToldPlace, tellConcerned } from './told.ts'
import { unassign } from './unassign.ts'

const STAFF: ToldPlace = { organisationId: null, organisation: null }

/**
 * Locks who runs the desk and then the person. The actor's own role is looked at again under the lock, so that of two admins who
 * take each other's at the same moment one stays. A locked admin counts as none: nobody else could open their account.
 */
export async function lockStaff(trx: Trx, actor: PersonActor, personId: string) {
  await lockDesk(trx)
  const staff = (await findAllStaff(trx)).map((each) => ({ ...each, disabledAt: each.disabledAt ?? each.lockedAt }))
  const isAdmin = staff.some(
    (each) => each.personId === actor.personId && each.role === 'admin' && each.disabledAt === null,
  )
  if (!isAdmin) throw new Refusal('NOT_ALLOWED')
  const known = await trx.selectFrom('person').select('id').where('id', '=', personId).executeTakeFirst()
  if (known === undefined) throw new Refusal('NOT_FOUND')
  const person = await lockPerson(trx, personId)
  return { person, isLastAdmin: isLastOne(staff, personId, 'admin') }
}

/**
 * Makes an agent an admin or the other way round; it counts from their next call on. Staff admins only. Refuses NOT_ALLOWED, NOT_FOUND
 * for whoever isn't on the staff, and LAST_ADMIN. Repeated, it changes and records nothing.
 */
export async function changeStaffRole(db: Db, actor: PersonActor, personId: string, role: StaffRole): Promise<void> {
  requireRole(actor, 'staff.manage')
  await db.transaction().execute(async (trx) => {
    const { person, isLastAdmin } = await lockStaff(trx, actor, personId)
    const from = person.staffRole
    if (from === null) throw new Refusal('NOT_FOUND')
    if (from === role) return
    if (isLastAdmin) throw new Refusal('LAST_ADMIN')
    const at = await clock(trx)
    await trx.updateTable('person').set({ staffRole: role }).where('id', '=', personId).execute()
    await endStepUps(trx, personId)
    const facts = { person: personId, from, to: role }
    const entry = await recordAudit(trx, DESK_CHAIN, at, { action: 'staff.change_role', actor, facts })
    await tellConcerned(trx, STAFF, { notice: 'role_changed', person: asContact(person), who: actor.name, at, entry })
  })
}

/**
 * Takes somebody off the staff: their sessions and tokens there end at once, and the rotations they looked after are nobody's until
 * another agent takes them. Staff admins only. Refuses NOT_ALLOWED, NOT_FOUND for whoever isn't on the staff, and LAST_ADMIN.
 */
export async function removeFromStaff(db: Db, actor: PersonActor, personId: string): Promise<void> {
  requireRole(actor, 'staff.manage')
  await db.transaction().execute(async (trx) => {
    const { person, isLastAdmin } = await lockStaff(trx, actor, personId)
    if (person.staffRole === null) throw new Refusal('NOT_FOUND')
    if (isLastAdmin) throw new Refusal('LAST_ADMIN')
    const released = await unassign(trx, actor, personId)
    const at = await clock(trx)
    await trx.updateTable('person').set({ staffRole: null }).where('id', '=', personId).execute()
    await endAccess(trx, personId, { organisationId: null }, at)
    const facts = { person: personId, role: person.staffRole }
    const removal = { chain: DESK_CHAIN, action: 'staff.remove', actor, facts }
    const entry = (await recordInChains(trx, at, [removal, ...released])).get(DESK_CHAIN)
    if (entry === undefined) throw new Error('the removal was not recorded')
    await tellConcerned(trx, STAFF, { notice: 'member_removed', person: asContact(person), who: actor.name, at, entry })
  })
}
