import { type Kysely, sql } from 'kysely'

/** What an inviter called the person: until the invitation is accepted, the inviter's side sees no other name. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table invitation add column invitee_name text check (length(invitee_name) between 1 and 100)`.execute(
    db,
  )
  await sql`
    update invitation set invitee_name = person.name from person where person.id = invitation.person_id`.execute(db)
  await sql`alter table invitation alter column invitee_name set not null`.execute(db)
}
