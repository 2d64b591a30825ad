import type { Trx } from '../../database/connect.ts'
import { findPolicies, findPolicy } from '../../database/policy.ts'
import { Refusal } from '../../rules/refusals.ts'
import { count } from '../../rules/text/words.ts'

/** Holds a person's own row, so that what they make at the same moment is counted one after the other. The first of all locks. */
export async function holdMaker(trx: Trx, personId: string): Promise<void> {
  await trx.selectFrom('person').select('id').where('id', '=', personId).forNoKeyUpdate().execute()
}

async function countKeys(trx: Trx, of: 'serviceId' | 'createdBy', id: string): Promise<number> {
  const { keys } = await trx
    .selectFrom('key')
    .select((is) => is.fn.countAll<string>().as('keys'))
    .where(of, '=', id)
    .where('deletedAt', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(keys)
}

/** Refuses TOO_MANY_KEYS when the service, which the caller holds, has as many keys as its policy allows. */
export async function refuseFullService(trx: Trx, serviceId: string): Promise<void> {
  const allowed = (await findPolicies(trx, [serviceId])).get(serviceId)?.keysPerService ?? 0
  if ((await countKeys(trx, 'serviceId', serviceId)) < allowed) return
  const detail = `The policy allows this service ${count(allowed, 'key')}, and it has them. Delete one that is not needed any more.`
  throw new Refusal('TOO_MANY_KEYS', { detail })
}

/** Refuses TOO_MANY_KEYS when a person, whose row the caller holds, would have made more keys that are still there than the policy allows. */
export async function refuseBusyMaker(trx: Trx, personId: string, adding: number): Promise<void> {
  const { keysPerPerson } = await findPolicy(trx)
  if ((await countKeys(trx, 'createdBy', personId)) + adding <= keysPerPerson) return
  const detail = `The policy allows each person to make ${count(keysPerPerson, 'key')}, and yours are used up. Delete one that is not needed any more.`
  throw new Refusal('TOO_MANY_KEYS', { detail })
}
