import type { Db } from '../connect.ts'
import type { PersonName } from './views.ts'

export type FollowUpView = {
  id: string
  rotationRef: string
  type: 'early_revocation' | 'extension' | 'rollback'
  status: 'requested' | 'done' | 'rejected' | 'lapsed'
  itemIds: string[]
  /** When old keys are to stop: early, or after more time; null for a rollback. */
  at: Date | null
  requestedBy: PersonName
  requestedAt: Date
  decidedAt: Date | null
  /** 0: it waits for nobody's approval. */
  approvalsNeeded: number
  approvals: { by: PersonName; at: Date }[]
  /** Why it was rejected. */
  decisionReason: string | null
}

function selectFollowUps(db: Db) {
  return db
    .selectFrom('followUp')
    .innerJoin('person', 'person.id', 'followUp.requestedBy')
    .selectAll('followUp')
    .select('person.name as requestedByName')
    .orderBy('followUp.requestedAt')
    .orderBy('followUp.id')
}

type Row = Awaited<ReturnType<ReturnType<typeof selectFollowUps>['execute']>>[number]

async function complete(db: Db, rows: readonly Row[]): Promise<FollowUpView[]> {
  const ids = rows.filter((row) => row.approvalsNeeded > 0).map((row) => row.id)
  const approvals =
    ids.length === 0
      ? []
      : await db
          .selectFrom('followUpApproval')
          .innerJoin('person', 'person.id', 'followUpApproval.agentId')
          .select(['followUpApproval.followUpId', 'followUpApproval.at', 'person.id', 'person.name'])
          .where('followUpApproval.followUpId', 'in', ids)
          .orderBy('followUpApproval.at')
          .execute()
  return rows.map(({ requestedBy, requestedByName, ...row }) => ({
    ...row,
    requestedBy: { id: requestedBy, name: requestedByName },
    approvals: approvals
      .filter(({ followUpId }) => followUpId === row.id)
      .map(({ id, name, at }) => ({ by: { id, name }, at })),
  }))
}

/** The follow-ups of rotations, in the order they were asked for. */
export async function findFollowUps(db: Db, refs: readonly string[]): Promise<FollowUpView[]> {
  if (refs.length === 0) return []
  return complete(db, await selectFollowUps(db).where('followUp.rotationRef', 'in', refs).execute())
}

/** One follow-up, whoever's; callers look whether its rotation may be seen. */
export async function findFollowUp(db: Db, id: string): Promise<FollowUpView | undefined> {
  return (await complete(db, await selectFollowUps(db).where('followUp.id', '=', id).execute()))[0]
}
