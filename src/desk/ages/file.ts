import { markAges, type OldKey } from '../../database/ages/old-keys.ts'
import type { Trx } from '../../database/connect.ts'
import { lockFirstOwner, type Owner } from '../../database/people/owners.ts'
import { type KeyInService, lockKeys } from '../../database/rotations/locks.ts'
import { decideBy, decideReminders } from '../../rules/rotations/approvals.ts'
import { expiresInOverlap } from '../../rules/rotations/overlap.ts'
import { insertItems, insertRotation, nextRef } from '../filing/insert.ts'
import { holdToPolicy } from '../filing/terms.ts'
import { putRotationLetters } from '../letters.ts'
import { BY_DESK } from '../record.ts'
import { planReminders } from '../reminders.ts'

/** As many as one filing takes. */
const MOST_KEYS = 100

export type FiledForAge = { ref: string; keys: readonly OldKey[] }

type Filed = { organisationId: string; owner: Owner; old: readonly OldKey[]; keys: readonly KeyInService[]; at: Date }

/** Files one rotation of the old keys of one service; null when each of them ends by itself before the overlap would. */
async function fileService(trx: Trx, { organisationId, owner, old, keys, at }: Filed): Promise<FiledForAge | null> {
  const wish = { items: old.map(({ keyId }) => ({ keyId })), reason: 'scheduled' as const, details: '' }
  const under = await holdToPolicy(trx, BY_DESK, wish, keys)
  const { overlapSeconds } = under.filing
  const ending = old.filter(({ ownEnd }) => expiresInOverlap(at, overlapSeconds, ownEnd)).map(({ keyId }) => keyId)
  const rotated = keys.filter((key) => !ending.includes(key.id))
  if (rotated.length === 0) return null
  const ref = await nextRef(trx)
  const requester = { organisationId, owner, verifiedBy: null }
  const filed = { ref, ...under, requester, itemCount: rotated.length, actor: BY_DESK, at }
  const rotation = await insertRotation(trx, { ...filed, cause: { trigger: 'age' } })
  const items = await insertItems(trx, rotation, rotated, { actor: BY_DESK, at })
  const deadline = decideBy(at)
  const letter = { who: null, at, decideBy: deadline, items }
  await putRotationLetters(trx, rotation, { ...letter, kind: 'approval-needed', audience: 'agents' })
  await planReminders(trx, ref, decideReminders(deadline, at))
  return { ref, keys: old.filter(({ keyId }) => !ending.includes(keyId)) }
}

/**
 * Files a rotation of the keys that have reached the age for it, one for each service, on behalf of no person: an owner can withdraw it,
 * and agents decide it like any other. Without an owner none is filed. `recheck` gives, under the locks, which of them are still old.
 */
export async function fileForAge(
  trx: Trx,
  organisationId: string,
  due: readonly OldKey[],
  recheck: () => Promise<readonly OldKey[]>,
  at: Date,
): Promise<FiledForAge[]> {
  const owner = due.length === 0 ? undefined : await lockFirstOwner(trx, organisationId)
  if (owner === undefined) return []
  const locked = await lockKeys(
    trx,
    due.map(({ keyId }) => keyId),
  )
  const still = (await recheck()).filter(({ fileDue, keyId }) => fileDue && locked.some(({ id }) => id === keyId))
  const filed: FiledForAge[] = []
  for (const serviceId of [...new Set(still.map((old) => old.serviceId))].sort()) {
    const old = still.filter((each) => each.serviceId === serviceId).slice(0, MOST_KEYS)
    const keys = old.flatMap(({ keyId }) => locked.filter(({ id }) => id === keyId))
    const done = await fileService(trx, { organisationId, owner, old, keys, at })
    await markAges(
      trx,
      old.map(({ versionId }) => versionId),
      { filedAt: at },
    )
    if (done !== null) filed.push(done)
  }
  return filed
}
