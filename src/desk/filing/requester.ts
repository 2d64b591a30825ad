import type { Trx } from '../../database/connect.ts'
import { lockOwner, type Owner } from '../../database/people/owners.ts'
import { holdStopsFiling, holdUntil, onHold } from '../../rules/hold.ts'
import { refuseSecret } from '../../rules/keys/secret-text.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import type { Filing } from './filing.ts'

/** For whom it is filed. */
export type Requester = {
  organisationId: string
  owner: Owner
  /** How the staff made sure of the caller; null when the owner files. */
  verifiedBy: string | null
}

function invalid(pointer: string, message: string): Refusal {
  return new Refusal('INVALID_REQUEST', { errors: [{ pointer, message }] })
}

/** The organisation whose keys are filed, told by the first of them; every other has to be its own too. */
async function findOrganisationOf(trx: Trx, { items: [first] }: Filing): Promise<string> {
  const owned =
    first === undefined
      ? undefined
      : 'keyId' in first
        ? await trx.selectFrom('key').select('organisationId').where('id', '=', first.keyId).executeTakeFirst()
        : await trx.selectFrom('service').select('organisationId').where('id', '=', first.serviceId).executeTakeFirst()
  if (owned === undefined) throw new Refusal('NOT_FOUND', { detail: 'A service or key you named does not exist.' })
  return owned.organisationId
}

/** Refuses whoever of the staff files for somebody they may not file for, or without a word of how they made sure of them. */
async function lockOnBehalf(trx: Trx, actor: PersonActor, filing: Filing): Promise<Requester> {
  requireRole(actor, 'rotations.submitOnBehalf')
  const { onBehalfOf } = filing
  if (onBehalfOf === undefined) throw invalid('/onBehalfOf', 'Say for whom you file it, and how you verified them.')
  const verifiedBy = onBehalfOf.verifiedBy.trim()
  if (verifiedBy === '') throw invalid('/onBehalfOf/verifiedBy', 'Say how you verified who was calling.')
  refuseSecret('/onBehalfOf/verifiedBy', verifiedBy)
  if (onBehalfOf.personId === actor.personId) {
    throw new Refusal('OWN_ROTATION', {
      detail: 'Nobody files on behalf of themselves: sign in as an owner to file it.',
    })
  }
  const organisationId = await findOrganisationOf(trx, filing)
  const owner = await lockOwner(trx, organisationId, onBehalfOf.personId)
  if (owner !== undefined) return { organisationId, owner, verifiedBy }
  const detail = 'That person is no owner of the organisation whose keys you named.'
  throw new Refusal('NOT_FOUND', { detail })
}

/** What an owner files by: a request, or the roll of one key. */
export type Way = 'rotations.submit' | 'keys.roll'

/** Holds the account of the owner for whom it is filed. Refuses NOT_ALLOWED, NOT_FOUND, OWN_ROTATION, CONTAINS_SECRET and INVALID_REQUEST. */
export async function lockRequester(trx: Trx, actor: PersonActor, filing: Filing, way: Way): Promise<Requester> {
  if (actor.organisationId === null) return lockOnBehalf(trx, actor, filing)
  requireRole(actor, way)
  if (filing.onBehalfOf !== undefined) {
    throw new Refusal('NOT_ALLOWED', { detail: 'Only the staff file on behalf of somebody.' })
  }
  const owner = await lockOwner(trx, actor.organisationId, actor.personId)
  if (owner === undefined) throw new Refusal('NOT_ALLOWED')
  return { organisationId: actor.organisationId, owner, verifiedBy: null }
}

/** Refuses ON_HOLD while the owner who files is on hold; what the staff file for them was verified, and two others decide. */
export function refuseHeldRequester({ owner, verifiedBy }: Requester, { reason }: Filing, now: Date): void {
  const until = holdUntil(owner, now)
  if (until === null || verifiedBy !== null || !holdStopsFiling(reason)) return
  const besides = ' If a key was leaked, say so as the reason: that goes ahead at once, with two approvals.'
  throw onHold('a request of yours', until, owner.timeZone, besides)
}
