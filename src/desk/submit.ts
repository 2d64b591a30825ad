import { sql } from 'kysely'
import { clock, type Db, type Trx } from '../database/connect.ts'
import { newId } from '../database/ids.ts'
import { findOwnerChange } from '../database/rotations/decision-facts.ts'
import { type KeyInService, lockKeys, lockVersions } from '../database/rotations/locks.ts'
import type { ItemRow, RotationRow, VersionRow } from '../database/schema.ts'
import { isUniqueViolation } from '../database/violations.ts'
import type { KeyKind } from '../rules/keys/key-text.ts'
import { refuseSecret } from '../rules/keys/secret-text.ts'
import { isAccepted } from '../rules/keys/verdict.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import { approvalsNeeded, decideBy, decideReminders, type Reason } from '../rules/rotations/approvals.ts'
import { expiresInOverlap, startIsTooFar, startsAt } from '../rules/rotations/overlap.ts'
import { LIVE_ITEM_STATUSES, UNBORN } from '../rules/rotations/rotation-lifecycle.ts'
import { spendFiling } from './filing-limit.ts'
import { putRotationLetters } from './letters.ts'
import { type MoveRecord, recordItemMoves, recordRotationMove } from './record.ts'
import { planReminders } from './reminders.ts'

/** What a customer files: every enabled key of the kinds in a service, or single keys. */
export type Filing = {
  items: readonly ({ serviceId: string; kinds: readonly KeyKind[] } | { keyId: string })[]
  reason: Reason
  details?: string | undefined
  /** Empty, or in the past: as soon as approved. At most 90 days ahead. */
  notBefore?: Date | null | undefined
  overlapSeconds: number
}

/** The keys that the filing names, in its order. Refuses NOT_FOUND for what isn't the organisation's. */
async function findFiledKeyIds(trx: Trx, organisationId: string, { items }: Filing): Promise<string[]> {
  const keyIds = items.flatMap((item) => ('keyId' in item ? item.keyId : []))
  const serviceIds = items.flatMap((item) => ('serviceId' in item ? item.serviceId : []))
  const found = await trx
    .selectFrom('key')
    .innerJoin('service', 'service.id', 'key.serviceId')
    .select(['key.id', 'key.kind', 'key.serviceId'])
    .where('key.organisationId', '=', organisationId)
    .where('key.deletedAt', 'is', null)
    .where('service.deletedAt', 'is', null)
    .where(sql<boolean>`(key.id = any (${keyIds}::text[]) or key.service_id = any (${serviceIds}::text[]))`)
    .orderBy('key.kind', 'desc')
    .orderBy('key.id')
    .execute()
  const filed = items.flatMap((item) => {
    const named = found.filter((key) => ('keyId' in item ? key.id === item.keyId : key.serviceId === item.serviceId))
    if (named.length === 0) throw new Refusal('NOT_FOUND', { detail: 'A service or key you named does not exist.' })
    return named.filter((key) => 'keyId' in item || item.kinds.includes(key.kind))
  })
  return [...new Set(filed.map((key) => key.id))]
}

/** Locks the keys that the filing names; disabled ones are left out, as the form shows them unticked. */
async function lockFiledKeys(trx: Trx, organisationId: string, filing: Filing): Promise<KeyInService[]> {
  const ids = await findFiledKeyIds(trx, organisationId, filing)
  const keys = await lockKeys(trx, ids)
  const rotatable = keys.filter((key) => key.enabled && key.deletedAt === null && key.serviceDeletedAt === null)
  if (rotatable.length === 0) throw new Refusal('NO_KEYS')
  return rotatable.toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id))
}

async function refuseLiveKeys(trx: Trx, keys: readonly KeyInService[]): Promise<void> {
  const live = await trx
    .selectFrom('item')
    .select(['rotationRef', 'keyId'])
    .where(
      'keyId',
      'in',
      keys.map((key) => key.id),
    )
    .where('status', 'in', LIVE_ITEM_STATUSES)
    .execute()
  if (live.length === 0) return
  const refs = [...new Set(live.map((item) => item.rotationRef))].join(', ')
  const names = keys
    .filter((key) => live.some((item) => item.keyId === key.id))
    .map((key) => `${key.name} of ${key.serviceName}`)
  throw new Refusal('ROTATION_IN_PROGRESS', {
    detail: `${names.join(', ')}: already in ${refs}. Follow that rotation, or leave the key out.`,
  })
}

function refuseBadFiling(filing: Filing, versions: readonly VersionRow[], now: Date): void {
  const notBefore = filing.notBefore ?? null
  if (startIsTooFar(notBefore, now)) throw new Refusal('START_TOO_FAR')
  refuseSecret('/details', filing.details)
  const start = startsAt(notBefore, now)
  const expiring = versions.find(
    (version) => isAccepted(version, now) && expiresInOverlap(start, filing.overlapSeconds, version.ownEnd),
  )
  if (expiring !== undefined) throw new Refusal('EXPIRES_IN_OVERLAP')
}

async function nextRef(trx: Trx): Promise<string> {
  const { rows } = await sql<{ number: string }>`select nextval('rotation_number') as number`.execute(trx)
  return `ROT-${rows[0]?.number}`
}

type Filed = { filing: Filing; organisationId: string; itemCount: number; actor: PersonActor; at: Date }

async function insertRotation(trx: Trx, { filing, organisationId, itemCount, actor, at }: Filed): Promise<RotationRow> {
  const { reason, overlapSeconds } = filing
  const ownerChangedAt = await findOwnerChange(trx, organisationId)
  const ref = await nextRef(trx)
  const facts = { reason, overlapSeconds, revision: 1 }
  const step = { move: 'submit', from: UNBORN, to: 'submitted', sequence: 1 } as const
  await recordRotationMove(trx, { ref, organisationId }, step, { actor, at, facts })
  return trx
    .insertInto('rotation')
    .values({
      ref,
      organisationId,
      requesterId: actor.personId,
      filedById: actor.personId,
      status: 'submitted',
      historySequence: 1,
      reason,
      details: filing.details ?? '',
      notBefore: filing.notBefore ?? null,
      overlapSeconds,
      approvalsNeeded: approvalsNeeded({ reason, overlapSeconds, itemCount, filedOnBehalf: false, ownerChangedAt }, at),
      createdAt: at,
      nextDeadline: decideBy(at),
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

async function insertItems(
  trx: Trx,
  rotation: RotationRow,
  keys: readonly KeyInService[],
  record: MoveRecord,
): Promise<ItemRow[]> {
  const { ref, organisationId } = rotation
  const rows = keys.map((key, position) => ({
    id: newId('item'),
    rotationRef: ref,
    organisationId,
    position,
    serviceId: key.serviceId,
    keyId: key.id,
    kind: key.kind,
    status: 'pending' as const,
    historySequence: 1,
  }))
  const added = { move: 'add', from: UNBORN, to: 'pending', sequence: 1 } as const
  const steps = rows.map(({ id, keyId }) => ({ itemId: id, keyId, ...added }))
  await recordItemMoves(trx, rotation, steps, record)
  const items = await trx
    .insertInto('item')
    .values(rows)
    .returningAll()
    .execute()
    .catch((error: unknown) => {
      throw isUniqueViolation(error, 'one_live_item_per_key') ? new Refusal('ROTATION_IN_PROGRESS') : error
    })
  return items.toSorted((a, b) => a.position - b.position)
}

/**
 * Files a rotation; it then waits for its approvals. Refuses NOT_FOUND (a service or key that isn't the organisation's), NO_KEYS,
 * ROTATION_IN_PROGRESS, START_TOO_FAR, CONTAINS_SECRET, EXPIRES_IN_OVERLAP, and TOO_MANY_REQUESTS.
 */
export async function submitRotation(db: Db, actor: PersonActor, filing: Filing): Promise<{ ref: string }> {
  requireRole(actor, 'rotations.submit')
  const organisationId = actor.organisationId
  if (organisationId === null) throw new Refusal('NOT_ALLOWED')
  await spendFiling(db, actor.personId)
  return db.transaction().execute(async (trx) => {
    const keys = await lockFiledKeys(trx, organisationId, filing)
    const versions = await lockVersions(
      trx,
      keys.map((key) => key.id),
    )
    const at = await clock(trx)
    refuseBadFiling(filing, versions, at)
    await refuseLiveKeys(trx, keys)
    const rotation = await insertRotation(trx, { filing, organisationId, itemCount: keys.length, actor, at })
    const items = await insertItems(trx, rotation, keys, { actor, at })
    await planReminders(trx, rotation.ref, decideReminders(decideBy(at), at))
    const letter = { who: actor.name, at, decideBy: decideBy(at), items }
    await putRotationLetters(trx, rotation, { ...letter, kind: 'received', audience: 'owners' })
    await putRotationLetters(trx, rotation, { ...letter, kind: 'approval-needed', audience: 'agents' })
    return { ref: rotation.ref }
  })
}
