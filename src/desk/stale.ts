import type { Trx } from '../database/connect.ts'
import { lockItems } from '../database/rotations/locks.ts'
import type { RotationRow } from '../database/schema.ts'
import { STALE_AFTER_SECONDS } from '../rules/rotations/approvals.ts'
import { durationInWords } from '../rules/text/words.ts'
import { putRotationLetters } from './letters.ts'
import { BY_WORKER, moveRotation } from './record.ts'

const PROBLEM = `It was approved to start more than ${durationInWords(STALE_AFTER_SECONDS)} ago and could not be carried out since, so it has to be approved anew. No key was changed.`

/** Sets a rotation aside whose approval is too old to be carried out: nothing of it is due until it is retried, and so approved anew. */
export async function setStaleAside(trx: Trx, rotation: RotationRow, at: Date): Promise<void> {
  await trx.updateTable('item').set({ dueAt: null }).where('rotationRef', '=', rotation.ref).execute()
  const record = { actor: BY_WORKER, at, facts: { problem: PROBLEM } }
  const changes = { problem: PROBLEM, nextDeadline: at }
  const aside = await moveRotation(trx, rotation, 'execute', 'needs_attention', record, changes)
  const items = await lockItems(trx, rotation.ref)
  const letter = { kind: 'failed', who: null, at, note: PROBLEM, items } as const
  const distinction = `stale ${rotation.revision}`
  await putRotationLetters(trx, aside, { ...letter, distinction, audience: 'owners' })
  await putRotationLetters(trx, aside, { ...letter, distinction, audience: 'agents' })
}
