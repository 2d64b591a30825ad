import type { Trx } from '../database/connect.ts'
import { type KeyInService, lockKeys, lockVersions } from '../database/rotations/locks.ts'
import type { ItemRow, RotationRow, VersionRow } from '../database/schema.ts'
import { makeTasks } from '../keyring/dependants/make-tasks.ts'
import { type Beginning, type KeyMaker, makeVersion } from '../keyring/make-version.ts'
import { isAccepted } from '../rules/keys/verdict.ts'
import type { Reason } from '../rules/rotations/approvals.ts'
import { activeFrom, cooldownFor, expiresInOverlap, overlapEnd } from '../rules/rotations/overlap.ts'
import { planEndReminders } from './mail/plan-end-reminders.ts'
import { BY_WORKER, moveItem } from './record.ts'

/** What is to be made: the version to replace with its new end, and how the new one begins. */
type Ready = { key: KeyInService; old: VersionRow; end: Date; beginning: Beginning }
type Obstacle = { move: 'skip' | 'fail'; problem: string }

function beginningOf({ reason, overlapEnds, graceSeconds }: RotationRow, { cooldownSeconds }: ItemRow, now: Date) {
  const begins = { activeFrom: activeFrom(now, cooldownFor(reason, cooldownSeconds)) }
  return overlapEnds === 'at_end' ? begins : { ...begins, clockStarts: overlapEnds, clockSeconds: graceSeconds }
}

/** For these a new version is made even when the old one has stopped meanwhile: it was stopped since it was leaked, or nobody has it. */
const REPLACES_ENDED: readonly Reason[] = ['compromised', 'lost']

/** The version that is accepted, with the end that it gets, or else the last one that was, whose overlap is over before it begins. */
function findOld(rotation: RotationRow, versions: readonly VersionRow[], now: Date) {
  const accepted = versions.find((version) => isAccepted(version, now))
  if (accepted !== undefined) {
    return { old: accepted, end: overlapEnd(now, rotation.overlapSeconds, accepted.acceptedUntil), works: true }
  }
  const last = versions.find((version) => version.rolledBackAt === null && version.activeFrom <= now)
  if (last === undefined || !REPLACES_ENDED.includes(rotation.reason)) return undefined
  return { old: last, end: overlapEnd(now, 0, last.acceptedUntil), works: false }
}

/** The key and the version to replace, or what stands in the way; everything is looked at again, since the filing is only a hint. */
function prepare(rotation: RotationRow, item: ItemRow, { key, versions }: LockedKey, now: Date): Ready | Obstacle {
  if (key === undefined || key.deletedAt !== null || key.serviceDeletedAt !== null) {
    return { move: 'skip', problem: 'The service or key was removed.' }
  }
  if (!key.enabled) return { move: 'skip', problem: 'The key is disabled.' }
  const found = findOld(rotation, versions, now)
  if (found === undefined) return { move: 'fail', problem: 'The key has no working version left to replace.' }
  if (expiresInOverlap(now, rotation.overlapSeconds, found.old.ownEnd)) {
    return { move: 'fail', problem: 'The key expires by itself within the overlap.' }
  }
  const beginning = beginningOf(rotation, item, now)
  if (found.works && beginning.activeFrom > found.end) {
    return { move: 'fail', problem: 'The old key would stop before the new one may begin to work.' }
  }
  return { key, ...found, beginning }
}

/** What the execution of an item rests on, locked. */
export type LockedKey = { key: KeyInService | undefined; versions: VersionRow[] }

export async function lockForExecution(trx: Trx, item: ItemRow): Promise<LockedKey> {
  const [key] = await lockKeys(trx, [item.keyId])
  return { key, versions: await lockVersions(trx, [item.keyId]) }
}

/** Makes the new version of one item's key and starts the old one's overlap, or says why not. `at` is read after the locks. */
export async function executeItem(
  trx: Trx,
  maker: KeyMaker,
  rotation: RotationRow,
  item: ItemRow,
  locked: LockedKey,
  at: Date,
): Promise<void> {
  const record = { actor: BY_WORKER, at }
  const prepared = prepare(rotation, item, locked, at)
  if ('problem' in prepared) {
    const { move, problem } = prepared
    const to = move === 'skip' ? 'skipped' : 'failed'
    const changes = { problem, attempts: item.attempts + 1 }
    await moveItem(trx, item, move, to, { ...record, facts: { problem } }, changes)
    return
  }
  const { key, old, end, beginning } = prepared
  const made = await makeVersion(trx, maker, key, at, old.ownEnd, beginning)
  await trx.updateTable('version').set({ acceptedUntil: end }).where('id', '=', old.id).execute()
  const facts = { oldVersion: old.id, newVersion: made.id, overlapEndsAt: end.toISOString() }
  const changes = { oldVersionId: old.id, newVersionId: made.id, generatedAt: at, overlapEndsAt: end, dueAt: end }
  const running = await moveItem(trx, item, 'execute', 'overlap', { ...record, facts }, { ...changes, problem: null })
  await makeTasks(trx, item.id, key.id, at)
  await planEndReminders(trx, rotation.ref, [running], at)
}
