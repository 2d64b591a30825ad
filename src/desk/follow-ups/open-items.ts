import { clock, type Trx } from '../../database/connect.ts'
import { lockVersions } from '../../database/rotations/locks.ts'
import type { ItemRow, VersionRow } from '../../database/schema.ts'
import { isAccepted } from '../../rules/keys/verdict.ts'
import { Refusal } from '../../rules/refusals.ts'

/** An item whose old version is still accepted, with it and the new one; all locked. */
export type OpenItem = { item: ItemRow; old: VersionRow; made: VersionRow; generatedAt: Date }

/** The items in overlap; all of them, or those named. Refuses NOT_FOUND for an item that the rotation hasn't. */
export function chosenItems(items: readonly ItemRow[], itemIds: readonly string[] | undefined): ItemRow[] {
  const unknown = itemIds?.find((id) => !items.some((item) => item.id === id))
  if (unknown !== undefined) throw new Refusal('NOT_FOUND', { detail: `The rotation has no item ${unknown}.` })
  return items.filter((item) => item.status === 'overlap' && (itemIds?.includes(item.id) ?? true))
}

/** The chosen items whose old version is still accepted, and the moment, read after the lock, at which it was. */
export async function lockOpenItems(trx: Trx, chosen: readonly ItemRow[]): Promise<{ open: OpenItem[]; now: Date }> {
  const versions = await lockVersions(
    trx,
    chosen.map((item) => item.keyId),
  )
  const now = await clock(trx)
  const open = chosen.flatMap((item) => {
    const old = versions.find((version) => version.id === item.oldVersionId)
    const made = versions.find((version) => version.id === item.newVersionId)
    const { generatedAt } = item
    if (old === undefined || made === undefined || generatedAt === null || !isAccepted(old, now)) return []
    return [{ item, old, made, generatedAt }]
  })
  return { open, now }
}

/** Takes back the clocks of items whose end is set by other means: no use or pick-up moves it any more. */
export async function stopClocks(trx: Trx, open: readonly OpenItem[]): Promise<void> {
  const ids = open.map(({ made }) => made.id)
  const stopped = { clockStarts: null, clockSeconds: null }
  if (ids.length > 0) await trx.updateTable('version').set(stopped).where('id', 'in', ids).execute()
}

/** What there is to do for somebody who comes too late, since nothing brings an old key back. */
const TOO_LATE =
  'The old key has stopped for good, or none is being replaced yet. Use the new key; if that one is of no use, request a new rotation.'
const PLANNED =
  'The old key is set to be stopped early, which is final. Use the new key; if that one is of no use, request a new rotation.'

/**
 * The same, without those whose early revocation is planned: what is revoked stays so. Refuses ILLEGAL_MOVE, with the next best
 * step, when none is left: the end and whoever wants to move it wait for the same rows, and the clock read after that decides.
 */
export async function lockMovableItems(trx: Trx, chosen: readonly ItemRow[]): Promise<{ open: OpenItem[]; now: Date }> {
  const { open, now } = await lockOpenItems(trx, chosen)
  const movable = open.filter(({ old }) => old.revokeFrom === null)
  if (movable.length > 0) return { open: movable, now }
  throw new Refusal('ILLEGAL_MOVE', { detail: open.length > 0 ? PLANNED : TOO_LATE })
}
