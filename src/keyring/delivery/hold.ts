import { clock, type Trx } from '../../database/connect.ts'
import { lockAccount } from '../../database/people/owners.ts'
import { holdUntil, onHold } from '../../rules/hold.ts'
import type { PersonActor } from '../../rules/permissions.ts'

/** Refuses ON_HOLD while the person is on hold: a thief of the account would lead new keys elsewhere. Call it before other rows are locked. */
export async function refuseHeld(trx: Trx, actor: PersonActor, what: string): Promise<void> {
  const account = await lockAccount(trx, actor.personId)
  const until = holdUntil(account, await clock(trx))
  if (until !== null) throw onHold(what, until, account.timeZone, ' Another owner can do it.')
}
