import { sql } from 'kysely'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { tellOwners } from '../../outbox/notices.ts'
import { REVIEW_DAYS } from '../../rules/watch/review.ts'

/** After something went wrong with one, so that it holds up no other. */
const AFTER_ERROR_SECONDS = 600

async function claimDue(trx: Trx) {
  return trx
    .selectFrom('organisation')
    .select(['id', 'reviewDueAt'])
    .where('reviewDueAt', '<=', (is) => is.fn<Date>('clock_timestamp'))
    .orderBy('reviewDueAt')
    .limit(1)
    .forNoKeyUpdate()
    .skipLocked()
    .executeTakeFirst()
}

async function hasKeys(trx: Trx, organisationId: string): Promise<boolean> {
  const key = trx.selectFrom('key').select('id').where('organisationId', '=', organisationId)
  return (await key.where('deletedAt', 'is', null).limit(1).executeTakeFirst()) !== undefined
}

async function remind(trx: Trx, { id, reviewDueAt: due }: { id: string; reviewDueAt: Date }): Promise<void> {
  const at = await clock(trx)
  const reviewDueAt = new Date(at.getTime() + REVIEW_DAYS * 86_400_000)
  await trx.updateTable('organisation').set({ reviewDueAt }).where('id', '=', id).execute()
  if (!(await hasKeys(trx, id))) return
  const key = `${id}/${due.toISOString()}`
  await tellOwners(trx, id, { notice: 'review_due', key, who: null, about: '', path: '/permission-review', at })
}

/**
 * Reminds the owners of one organisation that nobody has reviewed for 90 days what its keys may do; once in each 90 days, and only where
 * there are keys. False when no review is due that nobody else has. One that fails is put off and holds up no other.
 */
export async function remindOfNextReview(db: Db): Promise<boolean> {
  let claimed: string | null = null
  try {
    return await db.transaction().execute(async (trx) => {
      const organisation = await claimDue(trx)
      if (organisation === undefined) return false
      claimed = organisation.id
      await remind(trx, organisation)
      return true
    })
  } catch (error) {
    if (claimed !== null) await putOff(db, claimed)
    throw error
  }
}

async function putOff(db: Db, organisationId: string): Promise<void> {
  const reviewDueAt = sql<Date>`clock_timestamp() + make_interval(secs => ${AFTER_ERROR_SECONDS})`
  await db.updateTable('organisation').set({ reviewDueAt }).where('id', '=', organisationId).execute()
}
