import { type Selectable, sql } from 'kysely'
import type { Db, Trx } from '../connect.ts'
import type { Database } from '../schema.ts'

export type InvitationRow = Selectable<Database['invitation']>

const open = sql<boolean>`invitation.accepted_at is null and invitation.expires_at > clock_timestamp()`

/** An invitation that can still be accepted, with the person it is for. */
export async function findOpenInvitation(db: Db, tokenHash: Buffer) {
  return db
    .selectFrom('invitation')
    .innerJoin('person', 'person.id', 'invitation.personId')
    .leftJoin('organisation', 'organisation.id', 'invitation.organisationId')
    .selectAll('invitation')
    .select([
      'person.name',
      'person.email',
      'person.passwordHash',
      'person.codeSeed as personCodeSeed',
      'person.codeSeedKeyId as personCodeSeedKeyId',
      'organisation.name as organisation',
    ])
    .select(sql<Date>`clock_timestamp()`.as('now'))
    .where('tokenHash', '=', tokenHash)
    .where(open)
    .where('person.disabledAt', 'is', null)
    .where('person.lockedAt', 'is', null)
    .executeTakeFirst()
}
export type OpenInvitation = NonNullable<Awaited<ReturnType<typeof findOpenInvitation>>>

/** The same row, locked, so that of two who accept one comes first; undefined once it was accepted or has run out. */
export async function lockOpenInvitation(trx: Trx, tokenHash: Buffer): Promise<InvitationRow | undefined> {
  return trx
    .selectFrom('invitation')
    .selectAll()
    .where('tokenHash', '=', tokenHash)
    .where(open)
    .forUpdate()
    .executeTakeFirst()
}

/** Keeps the first seed that a page shows for an invitation, so that a page loaded twice shows one code device. */
export async function keepFirstCodeSeed(
  db: Db,
  invitationId: string,
  seed: { sealed: Buffer; keyId: string },
): Promise<{ codeSeed: Buffer; codeSeedKeyId: string } | undefined> {
  const row = await db
    .updateTable('invitation')
    .set({
      codeSeed: sql<Buffer>`coalesce(code_seed, ${seed.sealed})`,
      codeSeedKeyId: sql<string>`coalesce(code_seed_key_id, ${seed.keyId})`,
    })
    .where('id', '=', invitationId)
    .where('acceptedAt', 'is', null)
    .returning(['codeSeed', 'codeSeedKeyId'])
    .executeTakeFirst()
  if (row === undefined || row.codeSeed === null || row.codeSeedKeyId === null) return undefined
  return { codeSeed: row.codeSeed, codeSeedKeyId: row.codeSeedKeyId }
}
