import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findOwners } from '../../database/people/owners.ts'
import { putNotices } from '../../outbox/notices.ts'
import { REVIEW_DAYS } from '../../rules/watch/review.ts'

async function claimDue(trx: Trx) {
  return trx
    .selectFrom('organisation')
    .select(['id', 'name', 'reviewDueAt'])
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

/**
 * Reminds the owners of one organisation that nobody has reviewed for 90 days what its keys may do; once in each 90 days, and only where
 * there are keys. False when no review is due that nobody else has.
 */
export async function remindOfNextReview(db: Db): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const organisation = await claimDue(trx)
    if (organisation === undefined) return false
    const { id, name } = organisation
    const at = await clock(trx)
    const reviewDueAt = new Date(at.getTime() + REVIEW_DAYS * 86_400_000)
    await trx.updateTable('organisation').set({ reviewDueAt }).where('id', '=', id).execute()
    if (!(await hasKeys(trx, id))) return true
    const owners = await findOwners(trx, id)
    const readers = owners.map((owner) => ({ ...owner, why: `you are an owner of ${name}` }))
    const key = `${id}/${organisation.reviewDueAt.toISOString()}`
    const shown = { organisation: name, who: null, about: '', path: '/permission-review', at }
    await putNotices(trx, readers, { notice: 'review_due', key, ...shown })
    return true
  })
}
