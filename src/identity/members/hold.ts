import { clock, type Trx } from '../../database/connect.ts'
import { lockAccount } from '../../database/people/owners.ts'
import { holdUntil, onHold } from '../../rules/hold.ts'
import type { PersonActor } from '../../rules/permissions.ts'

/**
 * Refuses ON_HOLD while a member is on hold who would give somebody else what the hold keeps from them: a thief would file and pick
 * up keys as a second owner of their own making, who has no hold. Call it before other rows are locked. The staff have rules of their own.
 */
export async function refuseHeldGiver(trx: Trx, actor: PersonActor, what: string): Promise<void> {
  if (actor.organisationId === null) return
  const account = await lockAccount(trx, actor.personId)
  const until = holdUntil(account, await clock(trx))
  if (until !== null) throw onHold(what, until, account.timeZone, ' Another owner can do it.')
}
