import { sql } from 'kysely'
import type { Db } from '../../database/connect.ts'

const KEPT_DAYS = 90
/** Few at a time, so that nobody who writes uses waits for long. */
const FORGOTTEN_AT_ONCE = 500

/**
 * Forgets networks that a version wasn't used from, and refused uses, for 90 days: a batch of each, passing over what others hold. First
 * and last uses stay, and so does what was raised. False when nothing is that old.
 */
export async function forgetNextUse(db: Db): Promise<boolean> {
  const networks = await sql`
    delete from version_network where (version_id, network) in (
      select version_id, network from version_network
      where last_used_at < clock_timestamp() - ${KEPT_DAYS} * interval '1 day'
      limit ${FORGOTTEN_AT_ONCE} for update skip locked)`.execute(db)
  const refusals = await sql`
    delete from refused_use where (version_id, minute, code, network) in (
      select version_id, minute, code, network from refused_use
      where minute < clock_timestamp() - ${KEPT_DAYS} * interval '1 day'
      order by minute limit ${FORGOTTEN_AT_ONCE} for update skip locked)`.execute(db)
  return (networks.numAffectedRows ?? 0n) + (refusals.numAffectedRows ?? 0n) > 0n
}
