import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db } from '../../database/connect.ts'
import { tellMembers } from '../../outbox/notices.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { isAgeRecipient } from '../../secrets/age.ts'
import { refuseHeld } from './hold.ts'

const IDENTITY =
  'That is the secret half, which opens the files. Nobody else may have it: make another with age-keygen, and give its public key, which begins with age1.'

/** The recipient as it is kept. Refuses RECIPIENT_REFUSED; what was sent is neither kept nor repeated, since it may be an identity. */
async function checkedRecipient(text: string): Promise<string> {
  const recipient = text.trim()
  if (/AGE-SECRET-KEY/i.test(recipient)) throw new Refusal('RECIPIENT_REFUSED', { detail: IDENTITY })
  if (!(await isAgeRecipient(recipient))) throw new Refusal('RECIPIENT_REFUSED')
  return recipient
}

/**
 * Has every secret of the service that is made after this answered encrypted to an age recipient, or, with null, shown once as before. Those
 * made until then stay as they are. Everybody who may view the keys is told; repeated, it changes and tells nothing. Refuses NOT_ALLOWED,
 * NOT_FOUND, ON_HOLD and RECIPIENT_REFUSED.
 */
export async function setDelivery(
  db: Db,
  actor: PersonActor,
  serviceId: string,
  ageRecipient: string | null,
): Promise<void> {
  requireRole(actor, 'delivery.manage')
  const recipient = ageRecipient === null ? null : await checkedRecipient(ageRecipient)
  await db.transaction().execute(async (trx) => {
    await refuseHeld(trx, actor, 'changing how keys are delivered')
    const service = await trx
      .selectFrom('service')
      .select(['id', 'name', 'environment', 'organisationId', 'ageRecipient'])
      .where('id', '=', serviceId)
      .where('organisationId', '=', actor.organisationId)
      .where('deletedAt', 'is', null)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (service === undefined) throw new Refusal('NOT_FOUND')
    if (service.ageRecipient === recipient) return
    const at = await clock(trx)
    await trx.updateTable('service').set({ ageRecipient: recipient }).where('id', '=', serviceId).execute()
    const facts = { service: serviceId, ageRecipient: recipient, before: service.ageRecipient }
    await recordAudit(trx, service.organisationId, at, { action: 'service.set_delivery', actor, facts })
    const how = recipient === null ? 'shown once again' : `encrypted to ${recipient}`
    await tellMembers(trx, service.organisationId, {
      notice: 'delivery_changed',
      key: `${serviceId}/${at.toISOString()}`,
      who: actor.name,
      about: `${service.name} (${service.environment}): new keys are ${how}`,
      path: `/services/${serviceId}/delivery`,
      at,
    })
  })
}
