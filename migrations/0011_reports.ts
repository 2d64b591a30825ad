import { type Kysely, sql } from 'kysely'

/** Figures by month and organisation, kept ready so that a report costs the same however many rotations there are. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table report_row (
      month date not null,
      -- empty text: all organisations together
      organisation_id text not null,
      filed integer not null,
      failed integer not null,
      rolled_back integer not null,
      extended integer not null,
      first_response_median_seconds integer,
      first_response_p90_seconds integer,
      decision_median_seconds integer,
      decision_p90_seconds integer,
      keys_median_seconds integer,
      keys_p90_seconds integer,
      computed_at timestamptz(3) not null,
      primary key (month, organisation_id)
    )`.execute(db)
  // months in which something changed since their rows were made
  await sql`create table report_month_due (month date primary key, since timestamptz(3) not null)`.execute(db)
}
