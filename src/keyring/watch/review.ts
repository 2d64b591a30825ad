import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { type KeyInService, lockKeys } from '../../database/rotations/locks.ts'
import { findReviewedKeys, type ReviewedKey, type StoredFinding } from '../../database/watch/reviews.ts'
import { tellMembers } from '../../outbox/notices.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { keyInService, PERMISSION_WORDS } from '../../rules/text/words.ts'
import { changeProblems, REVIEW_DAYS, type ReviewChange } from '../../rules/watch/review.ts'
import { writeEdit } from '../keys/edit.ts'
import { writeSwitch } from '../keys/switch.ts'

type Decided = { actor: PersonActor; keys: ReadonlyMap<string, KeyInService>; at: Date }

/** The organisation, so that of two reviews one is carried out after the other, then the keys. Refuses NOT_FOUND. */
async function lockReviewed(trx: Trx, actor: PersonActor, changes: readonly ReviewChange[]) {
  const organisation = await trx
    .selectFrom('organisation')
    .select('id')
    .where('id', '=', actor.organisationId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (organisation === undefined) throw new Refusal('NOT_FOUND')
  const keys = await lockKeys(trx, [...new Set(changes.map(({ keyId }) => keyId))])
  const mine = keys.filter((key) => key.organisationId === organisation.id && key.deletedAt === null)
  const byId = new Map(mine.filter((key) => key.serviceDeletedAt === null).map((key) => [key.id, key]))
  if (changes.some(({ keyId }) => !byId.has(keyId))) throw new Refusal('NOT_FOUND')
  return { organisation, keys: byId }
}

/** Carries one decision out; answers what changed, in words, or null when it stood so already. */
async function carryOut(trx: Trx, { actor, keys, at }: Decided, change: ReviewChange): Promise<string | null> {
  const key = keys.get(change.keyId)
  if (key === undefined) return null
  const name = keyInService({ ...key, service: key.serviceName })
  if (change.do === 'disable') {
    return (await writeSwitch(trx, actor, key, false, at)) === null ? null : `${name}: disabled`
  }
  const { permission } = change
  const written = await writeEdit(trx, actor, key, { permission }, at)
  const words = `from “${PERMISSION_WORDS[key.permission]}” to “${PERMISSION_WORDS[permission]}”`
  return written === null ? null : `${name}: lowered ${words}`
}

function stored(key: ReviewedKey, changes: readonly ReviewChange[]): StoredFinding {
  const { createdAt: _made, rotationRef: _ref, lastUsedAt, ...facts } = key
  const change = changes.find(({ keyId }) => keyId === key.keyId)
  return {
    ...facts,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    decision: change?.do ?? 'keep',
    permissionAfter: change?.do === 'lower' ? change.permission : key.permission,
  }
}

/** One letter for all of it, however much was changed. */
async function tell(trx: Trx, { actor, at }: Decided, organisationId: string, id: string, done: string[]) {
  const details = done.length === 0 ? ['Nothing was changed'] : done
  const shown = { about: '', details, path: '/permission-review' }
  await tellMembers(trx, organisationId, { notice: 'review_done', key: id, who: actor.name, at, ...shown })
}

/**
 * Carries a review of an organisation's permissions out and records it, all or nothing: lowers what keys may do, disables unused ones, and
 * keeps what was found and decided, by whom and when. The next one is due 90 days on. Refuses NOT_FOUND (a key that isn't theirs) and
 * INVALID_REQUEST (a key twice, or a permission that is wider than the key's).
 */
export async function reviewPermissions(
  db: Db,
  actor: PersonActor,
  { changes }: { changes: readonly ReviewChange[] },
): Promise<{ id: string }> {
  requireRole(actor, 'reviews.carryOut')
  const id = newId('permissionReview')
  return db.transaction().execute(async (trx) => {
    const { organisation, keys } = await lockReviewed(trx, actor, changes)
    const errors = changeProblems(changes, keys)
    if (errors.length > 0) throw new Refusal('INVALID_REQUEST', { errors })
    const at = await clock(trx)
    const findings = await findReviewedKeys(trx, organisation.id)
    const reviewDueAt = new Date(at.getTime() + REVIEW_DAYS * 86_400_000)
    await trx.updateTable('organisation').set({ reviewDueAt }).where('id', '=', organisation.id).execute()
    const kept = JSON.stringify(findings.map((key) => stored(key, changes)))
    const row = { id, organisationId: organisation.id, by: actor.personId, at, findings: kept }
    await trx.insertInto('permissionReview').values(row).execute()
    const decided = { actor, keys, at }
    const done: string[] = []
    for (const change of changes) done.push(...[await carryOut(trx, decided, change)].filter((line) => line !== null))
    const of = (what: ReviewChange['do']) => changes.filter((change) => change.do === what).map(({ keyId }) => keyId)
    const facts = { review: id, keys: findings.length, lowered: of('lower'), disabled: of('disable') }
    await recordAudit(trx, organisation.id, at, { action: 'review.carry_out', actor, facts })
    await tell(trx, decided, organisation.id, id, done)
    return { id }
  })
}
