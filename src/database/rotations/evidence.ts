import type { Db } from '../connect.ts'
import type { PersonName, Viewer } from './views.ts'

/** One secret as evidence has it: never the secret, but the hash that whoever holds it can make too. */
export type Fingerprint = { versionId: string; sha256: string }
export type GivenApproval = { by: PersonName; at: Date; revision: number; note: string }
export type SentLetter = {
  kind: string
  name: string
  address: string
  messageId: string
  createdAt: Date
  sentAt: Date | null
}

/** The SHA-256 (hex) of the versions' texts, as verify looks them up. */
export async function findFingerprints(db: Db, versionIds: readonly string[]): Promise<Fingerprint[]> {
  if (versionIds.length === 0) return []
  const rows = await db.selectFrom('version').select(['id', 'hash']).where('id', 'in', versionIds).execute()
  return rows.map(({ id, hash }) => ({ versionId: id, sha256: hash.toString('hex') }))
}

/** Every approval ever given to a rotation, those of earlier revisions too, oldest first. */
export async function findEveryApproval(db: Db, ref: string): Promise<GivenApproval[]> {
  const rows = await db
    .selectFrom('approval')
    .innerJoin('person', 'person.id', 'approval.agentId')
    .select(['approval.at', 'approval.revision', 'approval.note', 'person.id', 'person.name'])
    .where('approval.rotationRef', '=', ref)
    .orderBy('approval.at')
    .execute()
  return rows.map(({ id, name, ...approval }) => ({ ...approval, by: { id, name } }))
}

/** The letters of a rotation, oldest first: all of them for staff, those to people of their own organisation for members. */
export async function findLetters(db: Db, viewer: Viewer, ref: string): Promise<SentLetter[]> {
  let query = db
    .selectFrom('letter')
    .select(['kind', 'toName as name', 'toAddress as address', 'messageId', 'createdAt', 'sentAt'])
    .where('thread', '=', ref)
  const { organisationId } = viewer
  if (organisationId !== null) {
    const colleagues = db
      .selectFrom('membership')
      .innerJoin('person', 'person.id', 'membership.personId')
      .select('person.email')
      .where('membership.organisationId', '=', organisationId)
    query = query.where('toAddress', 'in', colleagues)
  }
  return query.orderBy('createdAt').orderBy('id').execute()
}
