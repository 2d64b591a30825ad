import { sql } from 'kysely'
import type { Db } from '../../../src/database/connect.ts'
import type { Filing } from '../../../src/desk/submit.ts'
import { addService, carryOutAll, type DeskWorld, fileAndApprove } from './desk-world.ts'

export { DAY, readRotation as read } from './story.ts'

let count = 0

export async function newService(db: Db, world: DeskWorld): Promise<string> {
  count += 1
  return (await addService(db, world.admin, world.organisationId, `Overlapping ${count}`)).id
}

/** A rotation whose new keys are made and whose old ones still work for a day, unless told otherwise. */
export async function openOverlap(
  db: Db,
  world: DeskWorld,
  filing: Partial<Filing> & { serviceId?: string } = {},
): Promise<string> {
  const { serviceId = await newService(db, world), ...rest } = filing
  const ref = await fileAndApprove(db, world, serviceId, rest)
  await carryOutAll(db)
  return ref
}

/** As if the overlap had ended `ago` milliseconds ago: clock tests shift what is stored. Below zero it ends that much later from now on. */
export async function endOverlap(db: Db, ref: string, ago = 1_000, itemId?: string): Promise<void> {
  const past = new Date(Date.now() - ago)
  const items = await db.selectFrom('item').selectAll().where('rotationRef', '=', ref).execute()
  for (const item of items.filter(({ id }) => itemId === undefined || id === itemId)) {
    await db.updateTable('version').set({ acceptedUntil: past }).where('id', '=', item.oldVersionId).execute()
    await db.updateTable('item').set({ overlapEndsAt: past, dueAt: past }).where('id', '=', item.id).execute()
  }
}

/** As if its versions had been made so much earlier; ends stay where they are. */
export async function ageGeneration(db: Db, ref: string, milliseconds: number): Promise<void> {
  const earlier = (column: string) => sql<Date>`${sql.ref(column)} - ${milliseconds} * interval '1 millisecond'`
  const items = db.selectFrom('item').select('keyId').where('rotationRef', '=', ref)
  await db
    .updateTable('version')
    .set({ createdAt: earlier('createdAt') })
    .where('keyId', 'in', items)
    .execute()
  await db
    .updateTable('item')
    .set({ generatedAt: earlier('generatedAt') })
    .where('rotationRef', '=', ref)
    .execute()
}

/** The kinds of the letters about a rotation, each with the number of its recipients. */
export async function lettersOf(db: Db, ref: string): Promise<Record<string, number>> {
  const rows = await db.selectFrom('letter').select('kind').where('thread', '=', ref).execute()
  const counts: Record<string, number> = {}
  for (const { kind } of rows) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
