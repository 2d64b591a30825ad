import { DESK_CHAIN, recordAudit } from '../database/audit/append.ts'
import { clock, type Db } from '../database/connect.ts'
import { newId } from '../database/ids.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import { checkedName } from '../rules/text/names.ts'
import { hashToken, newToken } from '../secrets/tokens.ts'

/**
 * Makes a gateway, bound to the given services or, without any named, to all. Its token is in the answer and nowhere else.
 * Refuses NOT_FOUND when a service doesn't exist, and INVALID_REQUEST for its name.
 */
export async function createGateway(
  db: Db,
  actor: PersonActor,
  input: { name: string; serviceIds?: readonly string[] | undefined },
): Promise<{ id: string; token: string }> {
  requireRole(actor, 'gateways.manage')
  const id = newId('gateway')
  const name = checkedName(input.name)
  const token = newToken('rkg_')
  const serviceIds = [...new Set(input.serviceIds ?? [])]
  const allServices = input.serviceIds === undefined
  return db.transaction().execute(async (trx) => {
    if (!allServices) {
      const found = await trx
        .selectFrom('service')
        .select('id')
        .where('id', 'in', serviceIds)
        .where('deletedAt', 'is', null)
        .forShare()
        .execute()
      if (found.length !== serviceIds.length) throw new Refusal('NOT_FOUND', { detail: 'A service does not exist.' })
    }
    const at = await clock(trx)
    const row = {
      id,
      name,
      tokenHash: hashToken(token),
      last4: token.slice(-4),
      allServices,
      createdAt: at,
    }
    await trx.insertInto('gateway').values(row).execute()
    const bindings = serviceIds.map((serviceId) => ({ gatewayId: id, serviceId }))
    if (bindings.length > 0) await trx.insertInto('gatewayService').values(bindings).execute()
    const facts = { gateway: id, name, services: serviceIds }
    await recordAudit(trx, DESK_CHAIN, at, { action: 'gateway.create', actor, facts })
    return { id, token }
  })
}

/** Ends a gateway's token at once. Refuses NOT_FOUND, also when it has ended already. */
export async function revokeGateway(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'gateways.manage')
  await db.transaction().execute(async (trx) => {
    const gateway = await trx
      .selectFrom('gateway')
      .select('id')
      .where('id', '=', id)
      .where('revokedAt', 'is', null)
      .forUpdate()
      .executeTakeFirst()
    if (gateway === undefined) throw new Refusal('NOT_FOUND')
    const at = await clock(trx)
    await trx.updateTable('gateway').set({ revokedAt: at }).where('id', '=', id).execute()
    await recordAudit(trx, DESK_CHAIN, at, { action: 'gateway.revoke', actor, facts: { gateway: id } })
  })
}
