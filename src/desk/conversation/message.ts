import type { Db, Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { spendPoint } from '../../database/limits.ts'
import type { Database, RotationRow } from '../../database/schema.ts'
import type { PersonActor } from '../../rules/permissions.ts'

/** Each message of a customer mails agents, so there is an end to them. */
const MESSAGES_PER_HOUR = 120

export type MessageKind = Database['message']['kind']

export function isStaff(actor: PersonActor): boolean {
  return actor.role === 'agent' || actor.role === 'admin'
}

/** Counts what a customer writes. Refuses TOO_MANY_REQUESTS. */
export async function spendMessage(db: Db, actor: PersonActor): Promise<void> {
  if (isStaff(actor)) return
  await spendPoint(db, { name: 'message', points: MESSAGES_PER_HOUR, seconds: 3_600 }, actor.personId)
}

/** Writes a message of the locked rotation; answers its id, by which the audit trail and its letters name it. */
export async function insertMessage(
  trx: Trx,
  rotation: RotationRow,
  actor: PersonActor,
  message: { kind: MessageKind; body: string; at: Date },
): Promise<string> {
  const id = newId('message')
  await trx
    .insertInto('message')
    .values({
      id,
      rotationRef: rotation.ref,
      organisationId: rotation.organisationId,
      authorId: actor.personId,
      fromStaff: isStaff(actor),
      ...message,
    })
    .execute()
  return id
}
