import { sql } from 'kysely'
import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import type { RotationRow } from '../../database/schema.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'

/** Puts a proposal aside for good. Repeated, or after a rotation was filed for it, it changes nothing. Refuses NOT_ALLOWED and NOT_FOUND. */
export async function dismissProposal(db: Db, actor: PersonActor, id: string): Promise<void> {
  requireRole(actor, 'rotations.submit')
  const { organisationId, personId } = actor
  if (organisationId === null) throw new Refusal('NOT_FOUND')
  await db.transaction().execute(async (trx) => {
    const proposal = await trx
      .selectFrom('proposal')
      .selectAll()
      .where('id', '=', id)
      .where('organisationId', '=', organisationId)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (proposal === undefined) throw new Refusal('NOT_FOUND')
    if (proposal.endedAt !== null) return
    const at = await clock(trx)
    await trx.updateTable('proposal').set({ endedAt: at, dismissedBy: personId }).where('id', '=', id).execute()
    const facts = { proposal: id, person: proposal.personId, cause: proposal.cause }
    await recordAudit(trx, organisationId, at, { action: 'proposal.dismiss', actor, facts })
  })
}

/** Locks the open proposals that a filing answers, before the audit chain is: the one it came from, and those whose keys are all in it. */
export async function lockAnsweredProposals(
  trx: Trx,
  organisationId: string,
  keyIds: readonly string[],
  proposalId: string | undefined,
): Promise<string[]> {
  const rows = await trx
    .selectFrom('proposal')
    .select('id')
    .where('organisationId', '=', organisationId)
    .where('endedAt', 'is', null)
    .where(sql<boolean>`(id = ${proposalId ?? ''} or key_ids <@ ${sql.val([...keyIds])}::text[])`)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  return rows.map(({ id }) => id)
}

/** Ends them: the rotation stands in their place. */
export async function endAnsweredProposals(trx: Trx, ids: readonly string[], rotation: RotationRow): Promise<void> {
  if (ids.length === 0) return
  const ended = { endedAt: rotation.createdAt, rotationRef: rotation.ref }
  await trx.updateTable('proposal').set(ended).where('id', 'in', ids).execute()
}
