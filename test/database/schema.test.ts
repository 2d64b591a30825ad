import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { openTestDatabase } from '../support/database.ts'

const { db } = await openTestDatabase()

// Columns, then what else stands on a table; NOT NULL is shown with its column.
const LINES = sql<{ line: string }>`
  select line from (
    select relname as place, 0 as part, attnum::int as position,
      '  ' || attname || ' ' || format_type(atttypid, atttypmod) || case when attnotnull then ' not null' else '' end
        || case attgenerated when 's' then ' generated' else '' end
        || coalesce(' default ' || pg_get_expr(adbin, adrelid), '') as line
    from pg_attribute join pg_class on pg_class.oid = attrelid
      left join pg_attrdef on (adrelid, adnum) = (attrelid, attnum)
    where relkind = 'r' and relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped
    union all
    select conrelid::regclass::text, 1, 0, '  ' || conname || ': ' || pg_get_constraintdef(oid)
    from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n' and conrelid <> 0
    union all
    select tablename, 2, 0, '  ' || indexdef from pg_indexes where schemaname = 'public'
    union all
    select tgrelid::regclass::text, 3, 0, '  ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    union all
    select relname, -1, 0, relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
  ) as lines
  where place not like 'kysely%'
  order by place collate "C", part, position, line collate "C"`

test('the schema is the one that was looked at and committed', async () => {
  const { rows } = await LINES.execute(db)
  const text = rows.map((row) => row.line).join('\n')
  await expect(`${text}\n`).toMatchFileSnapshot('schema.txt')
})
