import type { Db } from '../../database/connect.ts'
import { spendPoint } from '../../database/limits.ts'

/** Counts a rotation that a person files, against the policy's number per hour. Refuses with `TOO_MANY_REQUESTS`. */
export async function spendFiling(db: Db, personId: string): Promise<void> {
  const policy = await db.selectFrom('policy').select('filingsPerHour').executeTakeFirstOrThrow()
  await spendPoint(db, { name: 'filing', points: policy.filingsPerHour, seconds: 60 * 60 }, personId)
}
