import type { Db } from '../connect.ts'
import type { Database } from '../schema.ts'
import type { Viewer } from './views.ts'

export type MessageText = { id: string; kind: Database['message']['kind']; fromStaff: boolean; body: string }

/** What was written in a rotation, as far as the viewer may read it: notes are for the staff alone. */
export async function findMessages(db: Db, viewer: Viewer, ref: string): Promise<MessageText[]> {
  let query = db.selectFrom('message').select(['id', 'kind', 'fromStaff', 'body']).where('rotationRef', '=', ref)
  if (viewer.organisationId !== null) {
    query = query.where('organisationId', '=', viewer.organisationId).where('kind', '!=', 'note')
  }
  return query.orderBy('at').orderBy('id').execute()
}

/** The id of the question that was asked last, which is the open one while the rotation waits for an answer. */
export async function findLastQuestion(db: Db, ref: string): Promise<string | undefined> {
  const question = await db
    .selectFrom('message')
    .select('id')
    .where('rotationRef', '=', ref)
    .where('kind', '=', 'question')
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .executeTakeFirst()
  return question?.id
}

export type CannedAnswerView = { id: string; name: string; body: string }

/** By name. There are few enough to show all. */
export async function findCannedAnswers(db: Db): Promise<CannedAnswerView[]> {
  return db.selectFrom('cannedAnswer').select(['id', 'name', 'body']).orderBy('name').execute()
}
