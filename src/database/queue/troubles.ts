import type { Db } from '../connect.ts'

/** What went wrong with a rotation: the most tries of one of its keys, and each problem in words, once. */
export type Trouble = { attempts: number; problems: string[] }

/** The troubles of those among the rotations that have any. */
export async function findTroubles(db: Db, refs: readonly string[]): Promise<ReadonlyMap<string, Trouble>> {
  if (refs.length === 0) return new Map()
  const rows = await db
    .selectFrom('rotation')
    .innerJoin('item', 'item.rotationRef', 'rotation.ref')
    .select(['rotation.ref', 'rotation.problem as whole', 'item.problem', 'item.attempts', 'item.status'])
    .where('rotation.ref', 'in', refs)
    .where((is) =>
      is.or([is('rotation.problem', 'is not', null), is('item.status', '=', 'failed'), is('item.attempts', '>', 0)]),
    )
    .orderBy('item.position')
    .execute()
  const troubles = new Map<string, Trouble>()
  for (const row of rows) {
    const { attempts, problems } = troubles.get(row.ref) ?? { attempts: 0, problems: [] }
    const words = [row.whole, row.status === 'failed' ? row.problem : null].filter((word) => word !== null)
    troubles.set(row.ref, {
      attempts: Math.max(attempts, row.attempts),
      problems: [...new Set([...problems, ...words])],
    })
  }
  return troubles
}
