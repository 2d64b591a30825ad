import type { Db } from '../../../src/database/connect.ts'
import { findRotation, type RotationView } from '../../../src/database/rotations/views.ts'
import { Refusal } from '../../../src/rules/refusals.ts'

export const DAY = 86_400_000

/** The rotation as the staff see it. */
export async function readRotation(db: Db, ref: string): Promise<RotationView> {
  const rotation = await findRotation(db, { organisationId: null }, ref)
  if (rotation === undefined) throw new Error(`${ref} is not there`)
  return rotation
}

/** `kind: address` of every letter about a rotation, in a fixed order. */
export async function lettersAbout(db: Db, ref: string, kind?: string): Promise<string[]> {
  const rows = await db.selectFrom('letter').select(['kind', 'toName']).where('thread', '=', ref).execute()
  const wanted = rows.filter((row) => kind === undefined || row.kind === kind)
  return wanted.map((row) => `${row.kind}: ${row.toName}`).toSorted()
}

/** The moves of a rotation's history, `move→status`. */
export async function movesOf(db: Db, ref: string): Promise<string[]> {
  const rows = await db
    .selectFrom('rotationHistory')
    .select(['move', 'toStatus'])
    .where('rotationRef', '=', ref)
    .orderBy('sequence')
    .execute()
  return rows.map(({ move, toStatus }) => `${move}→${toStatus}`)
}

/** As if that much time had passed for a rotation: what is stored of its times is moved back. */
export async function letTimePass(db: Db, ref: string, milliseconds: number): Promise<void> {
  const row = await db.selectFrom('rotation').selectAll().where('ref', '=', ref).executeTakeFirstOrThrow()
  const back = (date: Date | null) => (date === null ? null : new Date(date.getTime() - milliseconds))
  const { notBefore, decidedAt, nextDeadline } = row
  const shifted = { notBefore: back(notBefore), decidedAt: back(decidedAt), nextDeadline: back(nextDeadline) }
  await db.updateTable('rotation').set(shifted).where('ref', '=', ref).execute()
  for (const item of await db.selectFrom('item').selectAll().where('rotationRef', '=', ref).execute()) {
    const ended = { dueAt: back(item.dueAt), overlapEndsAt: back(item.overlapEndsAt) }
    await db.updateTable('item').set(ended).where('id', '=', item.id).execute()
    const old = db.updateTable('version').where('id', '=', item.oldVersionId)
    if (item.status === 'overlap') await old.set({ acceptedUntil: ended.overlapEndsAt }).execute()
  }
}

/** Runs all at once; answers how many won and the codes of those refused. Anything but a refusal is an error. */
export async function race(runners: (() => Promise<unknown>)[]): Promise<{ won: number; refused: string[] }> {
  const results = await Promise.allSettled(runners.map((run) => run()))
  const refused = results.flatMap((result) => {
    if (result.status === 'fulfilled') return []
    if (!(result.reason instanceof Refusal)) throw result.reason
    return [result.reason.code]
  })
  return { won: results.length - refused.length, refused }
}
