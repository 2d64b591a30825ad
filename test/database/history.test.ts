import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { recordAudit } from '../../src/database/audit/append.ts'
import { LIVE_ITEM_STATUSES } from '../../src/rules/rotations/rotation-lifecycle.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { type DeskWorld, file, makeDeskWorld } from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
let world: DeskWorld
let ref: string

beforeAll(async () => {
  world = await makeDeskWorld(db)
  ref = await file(db, world.owner, world.service.id)
})

test('audit entries and histories can be neither changed, deleted nor truncated', async () => {
  for (const statement of [
    sql`update audit_entry set body = '{}'`,
    sql`delete from audit_entry`,
    sql`truncate audit_entry cascade`,
    sql`update rotation_history set to_status = 'scheduled'`,
    sql`delete from rotation_history`,
    sql`update item_history set to_status = 'overlap'`,
    sql`delete from item_history`,
  ]) {
    await expect(statement.execute(db)).rejects.toThrow('never changed or deleted')
  }
})

test('a status that the history does not end at cannot be written', async () => {
  const jump = db.updateTable('rotation').set({ status: 'completed' }).where('ref', '=', ref).execute()
  await expect(jump).rejects.toMatchObject({ code: '23503' })
  const item = db.updateTable('item').set({ status: 'cancelled' }).where('rotationRef', '=', ref).execute()
  await expect(item).rejects.toMatchObject({ code: '23503' })
})

test('a move that is not in the table cannot be written, nor one that starts elsewhere than the last ended', async () => {
  const step = (move: string, from: 'submitted' | 'scheduled', to: 'completed' | 'executing') =>
    db.transaction().execute(async (trx) => {
      const at = new Date()
      const position = await recordAudit(trx, world.organisationId, at, { action: 'x.y', actor: { kind: 'worker' } })
      const row = { rotationRef: ref, sequence: 2, move, fromStatus: from, toStatus: to, at, ...position }
      await trx.insertInto('rotationHistory').values(row).execute()
    })
  await expect(step('settle', 'submitted', 'completed')).rejects.toMatchObject({ code: '23503' })
  await expect(step('execute', 'scheduled', 'executing')).rejects.toMatchObject({ code: '23503' })
})

test('an entry appended past the triggers breaks the chain, and the check names it', async () => {
  expect(await findViolations(db)).toEqual([])
  await db.transaction().execute(async (trx) => {
    await sql`alter table audit_entry disable trigger all`.execute(trx)
    await sql`update audit_entry set body = replace(body, 'rotation.submit', 'rotation.sabmit')
      where chain = ${world.organisationId} and action = 'rotation.submit'`.execute(trx)
    await sql`alter table audit_entry enable trigger all`.execute(trx)
  })
  const violations = await findViolations(db)
  expect(violations.some((violation) => violation.includes('the chain verifies'))).toBe(true)
})

test('the index that keeps a key in one live rotation goes by the same statuses', async () => {
  const { rows } = await sql<{ condition: string }>`
    select pg_get_expr(indpred, indrelid) as condition from pg_index
    where indexrelid = 'one_live_item_per_key'::regclass`.execute(db)
  const statuses = [...(rows[0]?.condition ?? '').matchAll(/'(\w+)'/g)].map(([, status]) => status)
  expect(statuses).toEqual([...LIVE_ITEM_STATUSES])
})
