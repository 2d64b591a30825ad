import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { type KeyInService, lockItems, lockKeys, lockRotation, lockVersions } from '../../database/rotations/locks.ts'
import type { ItemRow, RotationRow, VersionRow } from '../../database/schema.ts'
import { refuseHeld } from '../../keyring/delivery/hold.ts'
import { type Beginning, type KeyMaker, makeVersion, NO_SECRET } from '../../keyring/make-version.ts'
import { tellMembers } from '../../outbox/notices.ts'
import { isAccepted, isOver } from '../../rules/keys/verdict.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { activeFrom, cooldownFor } from '../../rules/rotations/overlap.ts'
import { reissueProblem } from '../../rules/rotations/reissue.ts'
import { keyInService } from '../../rules/text/words.ts'

type Made = { rotation: RotationRow; item: ItemRow }

/** The rotation that made the version and its item, locked before the key; null for a version that none made. Refuses NOT_FOUND. */
async function lockMaker(trx: Trx, actor: PersonActor, versionId: string): Promise<Made | null> {
  const made = await trx
    .selectFrom('version')
    .leftJoin('item', (join) =>
      join.onRef('item.keyId', '=', 'version.keyId').onRef('item.newVersionId', '=', 'version.id'),
    )
    .select(['item.rotationRef'])
    .where('version.id', '=', versionId)
    .where('version.organisationId', '=', actor.organisationId)
    .executeTakeFirst()
  if (made === undefined) throw new Refusal('NOT_FOUND')
  if (made.rotationRef === null) return null
  const rotation = await lockRotation(trx, made.rotationRef, actor.organisationId)
  const item = (await lockItems(trx, rotation.ref)).find(({ newVersionId }) => newVersionId === versionId)
  return item === undefined ? null : { rotation, item }
}

type Standing = { key: KeyInService; lost: VersionRow; versions: readonly VersionRow[]; made: Made | null; at: Date }

async function lockStanding(trx: Trx, actor: PersonActor, versionId: string): Promise<Standing> {
  const made = await lockMaker(trx, actor, versionId)
  const { keyId } = await trx
    .selectFrom('version')
    .select('keyId')
    .where('id', '=', versionId)
    .executeTakeFirstOrThrow()
  const [key] = await lockKeys(trx, [keyId])
  const versions = await lockVersions(trx, [keyId])
  const lost = versions.find(({ id }) => id === versionId)
  if (key === undefined || lost === undefined || key.deletedAt !== null || key.serviceDeletedAt !== null) {
    throw new Refusal('NOT_FOUND')
  }
  return { key, lost, versions, made, at: await clock(trx) }
}

async function wasUsed(trx: Trx, versionId: string): Promise<boolean> {
  const use = await trx
    .selectFrom('versionUse')
    .select('versionId')
    .where('versionId', '=', versionId)
    .executeTakeFirst()
  return use !== undefined
}

/** The version that goes on working beside the lost one, if an overlap runs. */
function oldVersion({ made, versions, at }: Standing): VersionRow | undefined {
  if (made === null || made.item.status !== 'overlap') return undefined
  return versions.find((version) => version.id === made.item.oldVersionId && isAccepted(version, at))
}

async function refuseUnlessLost(trx: Trx, standing: Standing): Promise<void> {
  const { key, lost, versions, at } = standing
  const problem = reissueProblem({
    isCurrent: versions.find((version) => !isOver(version, at))?.id === lost.id,
    keyEnabled: key.enabled,
    overlapRuns: oldVersion(standing) !== undefined,
    pickedUp: lost.revealedAt !== null || lost.acknowledgedAt !== null || lost.imported,
    fetched: lost.fetchedAt !== null,
    used: await wasUsed(trx, lost.id),
  })
  if (problem !== null) throw new Refusal('ILLEGAL_MOVE', { detail: problem })
}

const TOO_LATE =
  'The new key would begin to work only after the old one stops. Ask for more time with the old key first.'

/** As the lost one began: it waits as long before it works, and what has not ended the old version yet still does. Refuses COOLDOWN_TOO_LONG. */
function beginningOf(standing: Standing): Beginning {
  const { lost, made, at } = standing
  const old = oldVersion(standing)
  if (old === undefined || made === null) return {}
  const begins = activeFrom(at, cooldownFor(made.rotation.reason, made.item.cooldownSeconds))
  if (old.acceptedUntil !== null && begins > old.acceptedUntil)
    throw new Refusal('COOLDOWN_TOO_LONG', { detail: TOO_LATE })
  const { clockStarts, clockSeconds } = lost
  return { activeFrom: begins, ...(clockStarts === null || clockSeconds === null ? {} : { clockStarts, clockSeconds }) }
}

async function exchange(trx: Trx, maker: KeyMaker, actor: PersonActor, standing: Standing): Promise<{ id: string }> {
  const { key, lost, made, at } = standing
  const beginning = beginningOf(standing)
  const ended = { revokedAt: at, clockStarts: null, clockSeconds: null, ...NO_SECRET }
  await trx.updateTable('version').set(ended).where('id', '=', lost.id).execute()
  const { id } = await makeVersion(trx, maker, key, at, lost.ownEnd, beginning)
  const itemId = made?.item.id ?? null
  if (itemId !== null) await trx.updateTable('item').set({ newVersionId: id }).where('id', '=', itemId).execute()
  const row = { fromVersionId: lost.id, toVersionId: id, itemId, at, by: actor.personId }
  await trx.insertInto('reissue').values(row).execute()
  return { id }
}

/**
 * Makes a new key anew whose secret was lost, without touching the old one: its end stays where it is, the lost version is refused from the
 * commit on, and a version in its place waits to be picked up. Only for the newest version of a key, while the old one still works beside it
 * or nobody has picked it up. Everybody who may view the keys is told. Refuses NOT_ALLOWED, NOT_FOUND, ON_HOLD, COOLDOWN_TOO_LONG and
 * ILLEGAL_MOVE.
 */
export async function reissueVersion(
  db: Db,
  maker: KeyMaker,
  actor: PersonActor,
  versionId: string,
): Promise<{ versionId: string }> {
  requireRole(actor, 'versions.reissue')
  return db.transaction().execute(async (trx) => {
    await refuseHeld(trx, actor, 'making a key anew')
    const standing = await lockStanding(trx, actor, versionId)
    await refuseUnlessLost(trx, standing)
    const { key, made, at } = standing
    const { id } = await exchange(trx, maker, actor, standing)
    const facts = { version: versionId, key: key.id, newVersion: id, item: made?.item.id ?? null }
    const about = made === null ? {} : { rotation: made.rotation.ref }
    await recordAudit(trx, key.organisationId, at, { action: 'version.reissue', actor, ...about, facts })
    const path = made === null ? `/keys/${key.id}` : `/rotations/${made.rotation.ref}`
    const told = {
      notice: 'version_reissued',
      key: versionId,
      who: actor.name,
      about: keyInService({ ...key, service: key.serviceName }),
      path,
      at,
    } as const
    await tellMembers(trx, key.organisationId, told)
    return { versionId: id }
  })
}
