import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { checkChains, findHeads } from '../../src/database/audit/check.ts'
import type { Trx } from '../../src/database/connect.ts'
import { openTestDatabase } from '../support/database.ts'
import { addService, type DeskWorld, fileAndApprove, makeDeskWorld } from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
  await fileAndApprove(db, world, world.service.id)
})

class Undone extends Error {}

/** Does what only somebody with the database's own rights could, tells what the check says of it, and undoes it. */
async function findFaultsAfter(tamper: (trx: Trx) => Promise<unknown>, known = true): Promise<string[]> {
  const heads = known ? await findHeads(db) : []
  let faults: string[] = []
  const tampering = db.transaction().execute(async (trx) => {
    await sql`set local session_replication_role = replica`.execute(trx)
    await tamper(trx)
    faults = (await checkChains(trx, heads)).faults.map(({ chain, fault }) => `${chain}: ${fault}`)
    throw new Undone()
  })
  await expect(tampering).rejects.toThrow(Undone)
  return faults
}

const chain = () => world.organisationId

test('chains that nobody touched are whole, against heads saved before too', async () => {
  const heads = await findHeads(db)
  const { id } = await addService(db, world.admin, world.organisationId, 'Later')
  await fileAndApprove(db, world, id)
  const { faults, entries, chains } = await checkChains(db, heads)
  expect({ faults, chains }).toEqual({ faults: [], chains: heads.length })
  expect(entries).toBeGreaterThan(5)
})

test('an entry whose text, time or place was changed is named', async () => {
  const changed = [
    sql`update audit_entry set body = replace(body, 'rotation.submit', 'rotation.reject')
      where chain = ${chain()} and sequence = 2`,
    sql`update audit_entry set body = body || ' ' where chain = ${chain()} and sequence = 2`,
    sql`update audit_entry set hash = previous_hash where chain = ${chain()} and sequence = 2`,
  ]
  for (const statement of changed) {
    const faults = await findFaultsAfter((trx) => statement.execute(trx))
    expect(faults).toEqual([`${chain()}: entry 2 was changed, or stood elsewhere`])
  }
})

test('an entry that was deleted is named', async () => {
  const faults = await findFaultsAfter((trx) =>
    sql`delete from audit_entry where chain = ${chain()} and sequence = 3`.execute(trx),
  )
  expect(faults).toEqual([`${chain()}: entry 3 is missing; the next one there is 4`])
})

test('of entries that changed places the first is named', async () => {
  const faults = await findFaultsAfter(async (trx) => {
    for (const [from, to] of [
      [2, 900],
      [3, 2],
      [900, 3],
    ]) {
      await sql`update audit_entry set sequence = ${to} where chain = ${chain()} and sequence = ${from}`.execute(trx)
    }
  })
  expect(faults).toEqual([`${chain()}: entry 2 does not follow the one before it`])
})

test('entries that were cut off at the end are named, also where the head was moved back with them', async () => {
  const { sequence: last } = (await findHeads(db)).find((head) => head.chain === chain()) ?? { sequence: 0 }
  const cut = sql`delete from audit_entry where chain = ${chain()} and sequence > 4`
  expect(await findFaultsAfter((trx) => cut.execute(trx))).toEqual([
    `${chain()}: the entries from 5 to ${last} are missing at the end`,
  ])
  async function cutWithHead(trx: Trx): Promise<void> {
    await cut.execute(trx)
    await sql`update audit_head set sequence = 4, hash = (select hash from audit_entry e where e.chain = ${chain()}
      and e.sequence = 4) where chain = ${chain()}`.execute(trx)
  }
  expect(await findFaultsAfter(cutWithHead)).toEqual([
    `${chain()}: the entries from 5 to ${last}, there when the heads were saved, are missing at the end`,
  ])
  expect(await findFaultsAfter(cutWithHead, false)).toEqual([
    `${chain()}: the entries from 5 to ${last} are missing: rotations refer to them`,
  ])
})

test('a chain that was removed as a whole is named', async () => {
  const faults = await findFaultsAfter(async (trx) => {
    await sql`delete from audit_entry where chain = ${chain()}`.execute(trx)
    await sql`delete from audit_head where chain = ${chain()}`.execute(trx)
  }, false)
  expect(faults).toEqual([`${chain()}: the whole chain is missing`])
})

test('a chain written anew from some entry on is told by heads that were saved before', async () => {
  const head = (await findHeads(db)).find((each) => each.chain === chain())
  const other = { chain: chain(), sequence: 2, hash: '00'.repeat(32) }
  expect(head?.sequence).toBeGreaterThan(2)
  const { faults } = await checkChains(db, [other])
  expect(faults).toEqual([{ chain: chain(), fault: 'entry 2 is not the one that was there when the heads were saved' }])
})
