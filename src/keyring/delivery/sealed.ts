import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { tellMembers } from '../../outbox/notices.ts'
import { isOver } from '../../rules/keys/verdict.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { keyInService } from '../../rules/text/words.ts'
import { lockClock, runClock } from '../clock/run.ts'
import { refuseHeld } from './hold.ts'

/** The version, locked, with what names its key. Refuses NOT_FOUND. */
async function lockVersion(trx: Trx, actor: PersonActor, versionId: string) {
  const version = await trx
    .selectFrom('version')
    .innerJoin('key', 'key.id', 'version.keyId')
    .innerJoin('service', 'service.id', 'key.serviceId')
    .selectAll('version')
    .select(['key.kind', 'key.name', 'key.deletedAt', 'service.name as service', 'service.environment'])
    .where('version.id', '=', versionId)
    .where('version.organisationId', '=', actor.organisationId)
    .forNoKeyUpdate('version')
    .executeTakeFirst()
  if (version === undefined) throw new Refusal('NOT_FOUND')
  return version
}

/** The rotation that made the version, if one did: its chain entry names it. */
async function aboutRotation(trx: Trx, version: { id: string; keyId: string }): Promise<{ rotation?: string }> {
  const item = await trx
    .selectFrom('item')
    .select('rotationRef')
    .where('keyId', '=', version.keyId)
    .where('newVersionId', '=', version.id)
    .executeTakeFirst()
  return item === undefined ? {} : { rotation: item.rotationRef }
}

const ENDED = 'This version of the key has ended, and its file is of no use any more.'

/**
 * The version's secret as an age file, as often as it is asked for until it is acknowledged. The first time is recorded and told to everybody
 * who may view the keys. Refuses NOT_ALLOWED, NOT_FOUND, NOT_SEALED and ILLEGAL_MOVE (it has ended).
 */
export async function fetchSealed(db: Db, actor: PersonActor, versionId: string): Promise<Buffer> {
  requireRole(actor, 'versions.fetchSealed')
  return db.transaction().execute(async (trx) => {
    const version = await lockVersion(trx, actor, versionId)
    if (version.ageFile === null) throw new Refusal('NOT_SEALED')
    const at = await clock(trx)
    if (isOver(version, at) || version.deletedAt !== null) throw new Refusal('ILLEGAL_MOVE', { detail: ENDED })
    if (version.fetchedAt !== null) return version.ageFile
    await trx.updateTable('version').set({ fetchedAt: at }).where('id', '=', versionId).execute()
    const facts = { version: versionId, key: version.keyId }
    const about = await aboutRotation(trx, version)
    await recordAudit(trx, version.organisationId, at, { action: 'version.fetch_sealed', actor, ...about, facts })
    await tellMembers(trx, version.organisationId, {
      notice: 'sealed_fetched',
      key: versionId,
      who: actor.name,
      about: keyInService(version),
      path: `/versions/${versionId}/sealed`,
      at,
    })
    return version.ageFile
  })
}

/** Who has a new key, since when, and the SHA-256 (hex) of its text, which whoever holds it can make too. */
export type Receipt = { versionId: string; at: Date; by: { id: string; name: string }; fingerprint: string }

async function findName(trx: Trx, id: string): Promise<{ id: string; name: string }> {
  return trx.selectFrom('person').select(['id', 'name']).where('id', '=', id).executeTakeFirstOrThrow()
}

/**
 * Says that a fetched age file was opened and its key stored: the file is gone from then on, and the receipt stays. Said again, it gives the
 * first receipt. It is the pick-up that a clock may wait for: the old version's new end is committed with it. Refuses NOT_ALLOWED, NOT_FOUND, ON_HOLD, NOT_SEALED and ILLEGAL_MOVE (nobody fetched it yet, or the version has ended).
 */
export async function acknowledgeVersion(db: Db, actor: PersonActor, versionId: string): Promise<Receipt> {
  requireRole(actor, 'versions.fetchSealed')
  return db.transaction().execute(async (trx) => {
    await refuseHeld(trx, actor, 'saying that a key was stored')
    const { organisationId } = actor
    const waiting = await lockClock(trx, { versionId, event: 'on_pickup', organisationId })
    const version = await lockVersion(trx, actor, versionId)
    const fingerprint = version.hash.toString('hex')
    if (version.acknowledgedAt !== null && version.acknowledgedBy !== null) {
      return { versionId, at: version.acknowledgedAt, by: await findName(trx, version.acknowledgedBy), fingerprint }
    }
    if (version.ageFile === null) throw new Refusal('NOT_SEALED')
    const at = await clock(trx)
    if (isOver(version, at) || version.deletedAt !== null) throw new Refusal('ILLEGAL_MOVE', { detail: ENDED })
    if (version.fetchedAt === null) {
      throw new Refusal('ILLEGAL_MOVE', {
        detail: 'Nobody has fetched this key yet. Fetch it, open it and store the key first.',
      })
    }
    const receipt = { acknowledgedAt: at, acknowledgedBy: actor.personId, ageFile: null }
    await trx.updateTable('version').set(receipt).where('id', '=', versionId).execute()
    const facts = { version: versionId, key: version.keyId, sha256: fingerprint }
    const about = await aboutRotation(trx, version)
    await recordAudit(trx, version.organisationId, at, { action: 'version.acknowledge', actor, ...about, facts })
    if (waiting !== null) await runClock(trx, waiting, actor, at)
    return { versionId, at, by: { id: actor.personId, name: actor.name }, fingerprint }
  })
}
