import { sql } from 'kysely'
import type { Db } from '../../../src/database/connect.ts'

export const HOUR = 3_600_000
export const DAY = 24 * HOUR

/** As if so many milliseconds had passed for a rotation: all its stored times move back. */
export async function letTimePass(db: Db, ref: string, milliseconds: number): Promise<void> {
  const by = sql`${milliseconds} * interval '1 millisecond'`
  await sql`
    update version set created_at = created_at - ${by}, active_from = active_from - ${by}, accepted_until = accepted_until - ${by},
      revealed_at = revealed_at - ${by}
    where id in (select unnest(array[old_version_id, new_version_id]) from item where rotation_ref = ${ref})`.execute(
    db,
  )
  await sql`
    update version_use set first_used_at = first_used_at - ${by}, last_used_at = last_used_at - ${by}
    where version_id in (select old_version_id from item where rotation_ref = ${ref})`.execute(db)
  await sql`
    update item set generated_at = generated_at - ${by}, overlap_ends_at = overlap_ends_at - ${by}, due_at = due_at - ${by}
    where rotation_ref = ${ref}`.execute(db)
  await sql`
    update rotation set created_at = created_at - ${by}, decided_at = decided_at - ${by}, next_deadline = next_deadline - ${by}
    where ref = ${ref}`.execute(db)
  // By way of a time where none is, since each row has to be unique after every single step.
  const away = sql`interval '36500 days'`
  await sql`update reminder set of = of - ${away}, due_at = due_at - ${away} where rotation_ref = ${ref}`.execute(db)
  await sql`update reminder set of = of + (${away} - ${by}), due_at = due_at + (${away} - ${by})
    where rotation_ref = ${ref}`.execute(db)
}
