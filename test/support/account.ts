import type { Db } from '../../src/database/connect.ts'
import type { Enrolled } from './worlds/people.ts'

/** The newest letter of a kind to an address. */
export async function newestLetter(db: Db, kind: string, toAddress: string) {
  return db
    .selectFrom('letter')
    .selectAll()
    .where('kind', '=', kind)
    .where('toAddress', '=', toAddress)
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .executeTakeFirst()
}

/** The token at the end of the link in the newest letter of a kind to an address. */
export async function tokenInLetter(db: Db, kind: string, toAddress: string): Promise<string> {
  const letter = await newestLetter(db, kind, toAddress)
  const token = String(letter?.facts.path).split('/').at(-1)
  if (token === undefined) throw new Error(`no ${kind} to ${toAddress}`)
  return token
}

/** Which security notices each address got, as `address notice`. */
export async function notices(db: Db): Promise<string[]> {
  const letters = await db
    .selectFrom('letter')
    .select(['toAddress', 'facts'])
    .where('kind', '=', 'security-notice')
    .orderBy('id')
    .execute()
  return letters.map(({ toAddress, facts }) => `${toAddress} ${String(facts.notice)}`)
}

/** The audit entries about a person, as `chain action`. */
export async function entriesAbout(db: Db, personId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('auditEntry')
    .select(['chain', 'action', 'body'])
    .where('action', 'like', 'person.%')
    .orderBy('at')
    .orderBy('chain')
    .execute()
  const about = (body: string): unknown => JSON.parse(body).person
  return rows.filter(({ body }) => about(body) === personId).map(({ chain, action }) => `${chain} ${action}`)
}

export function personRow(db: Db, person: Enrolled) {
  return db.selectFrom('person').selectAll().where('id', '=', person.actor.personId).executeTakeFirstOrThrow()
}

/** How many sessions and step-ups a person has. */
export async function held(db: Db, person: Enrolled): Promise<{ sessions: number; stepUps: number }> {
  const { personId } = person.actor
  const sessions = await db.selectFrom('session').select('id').where('personId', '=', personId).execute()
  const stepUps = await db.selectFrom('stepUp').select('bearerId').where('personId', '=', personId).execute()
  return { sessions: sessions.length, stepUps: stepUps.length }
}
