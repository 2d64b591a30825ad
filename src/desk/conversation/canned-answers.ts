import { DESK_CHAIN, recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { isUniqueViolation } from '../../database/violations.ts'
import { refuseSecret } from '../../rules/keys/secret-text.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { checkedName } from '../../rules/text/names.ts'

export type CannedAnswer = { name: string; body: string }

/** Refuses INVALID_REQUEST and CONTAINS_SECRET. */
function checked({ name, body }: CannedAnswer): CannedAnswer {
  refuseSecret('/body', body)
  return { name: checkedName(name), body }
}

function orNameTaken(error: unknown): never {
  throw isUniqueViolation(error, 'canned_answer_name_key') ? new Refusal('NAME_TAKEN') : error
}

async function record(trx: Trx, actor: PersonActor, verb: 'add' | 'change' | 'remove', id: string, name: string) {
  const fact = { action: `canned_answer.${verb}`, actor, facts: { cannedAnswer: id, name } }
  await recordAudit(trx, DESK_CHAIN, await clock(trx), fact)
}

/** A text that agents may put into what they write. Refuses NOT_ALLOWED, INVALID_REQUEST, CONTAINS_SECRET and NAME_TAKEN. */
export async function addCannedAnswer(db: Db, actor: PersonActor, answer: CannedAnswer): Promise<{ id: string }> {
  requireRole(actor, 'cannedAnswers.manage')
  const row = { id: newId('cannedAnswer'), ...checked(answer) }
  return db.transaction().execute(async (trx) => {
    const createdAt = await clock(trx)
    await trx
      .insertInto('cannedAnswer')
      .values({ ...row, createdAt })
      .execute()
      .catch(orNameTaken)
    await record(trx, actor, 'add', row.id, row.name)
    return { id: row.id }
  })
}

/** Refuses NOT_ALLOWED, INVALID_REQUEST, CONTAINS_SECRET, NOT_FOUND and NAME_TAKEN. */
export async function changeCannedAnswer(db: Db, actor: PersonActor, id: string, answer: CannedAnswer): Promise<void> {
  requireRole(actor, 'cannedAnswers.manage')
  const row = checked(answer)
  await db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('cannedAnswer')
      .set(row)
      .where('id', '=', id)
      .executeTakeFirst()
      .catch(orNameTaken)
    if (numUpdatedRows === 0n) throw new Refusal('NOT_FOUND')
    await record(trx, actor, 'change', id, row.name)
  })
}

/** What was written with it stays as it is. Refuses NOT_ALLOWED and NOT_FOUND. */
export async function removeCannedAnswer(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'cannedAnswers.manage')
  await db.transaction().execute(async (trx) => {
    const removed = await trx.deleteFrom('cannedAnswer').where('id', '=', id).returning('name').executeTakeFirst()
    if (removed === undefined) throw new Refusal('NOT_FOUND')
    await record(trx, actor, 'remove', id, removed.name)
  })
}
