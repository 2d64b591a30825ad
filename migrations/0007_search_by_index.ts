import { type Kysely, sql } from 'kysely'

/** From what a search finds to its rotations, and a reference by how it begins, without reading whole tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index rotation_by_beginning on rotation (ref text_pattern_ops)`.execute(db)
  await sql`create index rotation_by_requester on rotation (requester_id, created_at desc)`.execute(db)
  await sql`create index item_by_service on item (service_id)`.execute(db)
  await sql`create index item_by_key on item (key_id)`.execute(db)
  await sql`create index version_by_last4 on version (last4)`.execute(db)
}
