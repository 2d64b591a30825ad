import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { newId } from '../../src/database/ids.ts'
import { findReportLag, findReportMonths, findReportOrganisations, findReportRows } from '../../src/database/reports.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { recomputeNextMonth } from '../../src/desk/reports.ts'
import { monthOf, monthsUpTo } from '../../src/rules/text/months.ts'
import { openTestDatabase } from '../support/database.ts'
import { until } from '../support/workers.ts'
import {
  addMember,
  addOrganisation,
  addService,
  carryOutAll,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
} from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
const ROUNDS = 20
const AUGUST = new Date('2026-08-10T12:00:00Z')
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function newService(organisationId = world.organisationId): Promise<string> {
  count += 1
  return (await addService(db, world.admin, organisationId, `Service ${count}`)).id
}

function after(minutes: number, from = AUGUST): Date {
  return new Date(from.getTime() + minutes * 60_000)
}

/** As if the last figures of every month had been made long ago. */
async function recomputeAll(): Promise<void> {
  await db
    .updateTable('reportMonth')
    .set({ computedAt: new Date(0) })
    .execute()
  while (await recomputeNextMonth(db));
}

async function figuresOf(month: string, organisationId: string | null = null) {
  const [row] = await findReportMonths(db, organisationId, [month])
  return row
}

test('median and 90th percentile are those of the rotations that have the time, by month and organisation', async () => {
  const rivals = await addOrganisation(db, 'Rivals')
  const rex = await addMember(db, rivals, 'owner', 'Rex Rival')
  for (let n = 1; n <= 10; n++) {
    const ref = await file(db, world.owner, await newService())
    // The first answers come after 1, 2 … 10 minutes, the decisions after as many hours; the start lies 30 minutes after those.
    const decidedAt = after(n * 60)
    const times = { createdAt: AUGUST, firstResponseAt: after(n), decidedAt, notBefore: after(30, decidedAt) }
    await db.updateTable('rotation').set(times).where('ref', '=', ref).execute()
  }
  const theirs = await file(db, rex, await newService(rivals))
  await db
    .updateTable('rotation')
    .set({ createdAt: AUGUST, firstResponseAt: after(100) })
    .where('ref', '=', theirs)
    .execute()
  await recomputeAll()
  expect(await figuresOf('2026-08', world.organisationId)).toMatchObject({
    filed: 10,
    firstResponseMedianSeconds: 330,
    firstResponseP90Seconds: 546,
    decisionMedianSeconds: 330 * 60,
    decisionP90Seconds: 546 * 60,
    keysMedianSeconds: null,
    failed: 0,
  })
  expect(await figuresOf('2026-08')).toMatchObject({
    filed: 11,
    firstResponseMedianSeconds: 360,
    firstResponseP90Seconds: 600,
  })
  expect(await figuresOf('2026-08', rivals)).toMatchObject({ filed: 1, decisionMedianSeconds: null })
  const page = await findReportOrganisations(db, '2026-08', { limit: 1 })
  const next = await findReportOrganisations(db, '2026-08', { limit: 1, cursor: page.nextCursor ?? undefined })
  expect([...page.items, ...next.items].map((row) => row.organisation)).toEqual(['Acme', 'Rivals'])
  expect(next.nextCursor).toBeNull()
})

test('from approval to keys counts from the start, where that was later', async () => {
  const created = new Date('2026-07-01T00:00:00Z')
  const decidedAt = after(10, created)
  for (const [notBefore, generatedAt] of [
    [null, after(11, created)],
    [after(60, created), after(62, created)],
    [after(5, created), after(13, created)],
  ] as const) {
    const ref = await fileAndApprove(db, world, await newService())
    await carryOutAll(db)
    await db.updateTable('item').set({ generatedAt }).where('rotationRef', '=', ref).execute()
    const times = { createdAt: created, decidedAt, notBefore }
    await db.updateTable('rotation').set(times).where('ref', '=', ref).execute()
  }
  await recomputeAll()
  expect(await figuresOf('2026-07')).toMatchObject({ filed: 3, keysMedianSeconds: 120, keysP90Seconds: 168 })
})

test('a rotation counts once as failed, rolled back or extended, whatever became of it later', async () => {
  const created = new Date('2026-06-01T00:00:00Z')
  const refs: string[] = []
  for (let i = 0; i < 3; i++) {
    const ref = await file(db, world.owner, await newService())
    await db.updateTable('rotation').set({ createdAt: created }).where('ref', '=', ref).execute()
    refs.push(ref)
  }
  const [failing = '', extended = ''] = refs
  const followUp = {
    rotationRef: extended,
    organisationId: world.organisationId,
    type: 'extension' as const,
    itemIds: [],
  }
  for (const status of ['done', 'done', 'rejected'] as const) {
    const row = { ...followUp, id: newId('followUp'), status, requestedBy: world.owner.personId, requestedAt: created }
    await db.insertInto('followUp').values(row).execute()
  }
  await recomputeAll()
  expect(await figuresOf('2026-06')).toMatchObject({ filed: 3, failed: 0, rolledBack: 0, extended: 1 })
  // Its key has no working version left.
  const items = await db.selectFrom('item').select('keyId').where('rotationRef', '=', failing).execute()
  await db
    .updateTable('version')
    .set({ acceptedUntil: created })
    .where(
      'keyId',
      'in',
      items.map((item) => item.keyId),
    )
    .execute()
  await approveRotation(db, world.agent, failing, { revision: 1 })
  await carryOutAll(db)
  await recomputeAll()
  expect(await figuresOf('2026-06')).toMatchObject({ filed: 3, failed: 1, rolledBack: 0, extended: 1 })
})

test('a change that is committed after the figures were read leaves its month to be done again', async () => {
  const ref = await file(db, world.owner, await newService())
  const createdAt = new Date('2026-05-05T00:00:00Z')
  await db.updateTable('rotation').set({ createdAt }).where('ref', '=', ref).execute()
  await recomputeAll()
  const written = Promise.withResolvers<void>()
  const read = Promise.withResolvers<void>()
  const change = db.transaction().execute(async (trx) => {
    await trx
      .updateTable('rotation')
      .set({ firstResponseAt: after(1, createdAt) })
      .where('ref', '=', ref)
      .execute()
    written.resolve()
    await read.promise
  })
  await written.promise
  const other = await file(db, world.owner, await newService())
  await db.updateTable('rotation').set({ createdAt }).where('ref', '=', other).execute()
  await recomputeAll()
  read.resolve()
  await change
  expect(await figuresOf('2026-05')).toMatchObject({ filed: 2, firstResponseMedianSeconds: null })
  expect(await findReportLag(db)).toBeInstanceOf(Date)
  await recomputeAll()
  expect(await figuresOf('2026-05')).toMatchObject({ filed: 2, firstResponseMedianSeconds: 60 })
  expect(await findReportLag(db)).toBeNull()
})

test('a change that is committed between the reading of the figures and their commit is not lost', async () => {
  const createdAt = new Date('2026-03-03T00:00:00Z')
  const ref = await file(db, world.owner, await newService())
  await db.updateTable('rotation').set({ createdAt }).where('ref', '=', ref).execute()
  const waits = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const blocking = db.transaction().execute(async (trx) => {
    // The row that is about to be written is taken, so that whoever writes it has read the rotations and waits.
    const counts = { filed: 0, failed: 0, rolledBack: 0, extended: 0 }
    await trx
      .insertInto('reportRow')
      .values({ month: '2026-03', organisationId: world.organisationId, ...counts, computedAt: createdAt })
      .execute()
    waits.resolve()
    await goOn.promise
    await sql`rollback`.execute(trx)
  })
  await waits.promise
  const recomputing = recomputeAll()
  await until('the recomputation waits', async () => {
    const waiting = sql<{ pid: number }>`select pid from pg_stat_activity where datname = current_database()
      and wait_event_type = 'Lock' and query like '%with filed as%'`
    return (await waiting.execute(db)).rows.length > 0
  })
  await db
    .updateTable('rotation')
    .set({ firstResponseAt: after(5, createdAt) })
    .where('ref', '=', ref)
    .execute()
  goOn.resolve()
  await Promise.all([blocking, recomputing])
  await recomputeAll()
  expect(await figuresOf('2026-03')).toMatchObject({ filed: 1, firstResponseMedianSeconds: 300 })
})

test('of a recomputation that breaks off everything is left as it was', async () => {
  const ref = await file(db, world.owner, await newService())
  await recomputeAll()
  await db.updateTable('rotation').set({ firstResponseAt: new Date() }).where('ref', '=', ref).execute()
  const before = await findReportLag(db)
  const month = monthOf(new Date())
  // A figure that no column holds.
  await sql`alter table report_row add constraint broken check (filed < 0) not valid`.execute(db)
  await db
    .updateTable('reportMonth')
    .set({ computedAt: new Date(0) })
    .execute()
  await expect(recomputeNextMonth(db)).rejects.toThrow('broken')
  await db.schema.alterTable('report_row').dropConstraint('broken').execute()
  expect(await findReportLag(db)).toEqual(before)
  expect(await figuresOf(month)).toBeDefined()
  await recomputeAll()
  expect(await findReportLag(db)).toBeNull()
})

test('several workers beside those who change things end with the right figures', async () => {
  const createdAt = new Date('2026-04-04T00:00:00Z')
  const refs: string[] = []
  for (let i = 0; i < 5; i++) {
    const ref = await file(db, world.owner, await newService())
    await db.updateTable('rotation').set({ createdAt }).where('ref', '=', ref).execute()
    refs.push(ref)
  }
  for (let round = 1; round <= ROUNDS; round++) {
    await db
      .updateTable('reportMonth')
      .set({ computedAt: new Date(0) })
      .execute()
    const firstResponseAt = after(round, createdAt)
    const changes = refs.map((ref) =>
      db.updateTable('rotation').set({ firstResponseAt }).where('ref', '=', ref).execute(),
    )
    await Promise.all([...changes, ...Array.from({ length: 4 }, () => recomputeNextMonth(db))])
    await recomputeAll()
    expect(await figuresOf('2026-04')).toMatchObject({ firstResponseMedianSeconds: round * 60, filed: 5 })
  }
})

test('a month rests for a minute before it is made anew', async () => {
  await file(db, world.owner, await newService())
  await recomputeAll()
  await file(db, world.owner, await newService())
  expect(await recomputeNextMonth(db)).toBe(false)
  await db
    .updateTable('reportMonth')
    .set({ computedAt: new Date(Date.now() - 61_000) })
    .execute()
  expect(await recomputeNextMonth(db)).toBe(true)
  expect(await recomputeNextMonth(db)).toBe(false)
})

test('a month whose figures cannot be made rests like any other, and holds up none', async () => {
  const [broken, good] = [
    await file(db, world.owner, await newService()),
    await file(db, world.owner, await newService()),
  ]
  await db
    .updateTable('rotation')
    .set({ createdAt: new Date('2024-02-10') })
    .where('ref', '=', broken)
    .execute()
  await db
    .updateTable('rotation')
    .set({ createdAt: new Date('2024-03-10') })
    .where('ref', '=', good)
    .execute()
  await recomputeAll()
  await db
    .updateTable('rotation')
    .set({ firstResponseAt: new Date('2024-02-11') })
    .where('ref', '=', broken)
    .execute()
  await db
    .updateTable('rotation')
    .set({ firstResponseAt: new Date('2024-03-11') })
    .where('ref', '=', good)
    .execute()
  await db
    .updateTable('reportMonth')
    .set({ computedAt: new Date(0) })
    .execute()
  await db.updateTable('reportMonth').set({ computedAt: null }).where('month', '=', '2024-02').execute()
  await sql`
    create function break_off() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$`.execute(
    db,
  )
  await sql`
    create trigger break_off after insert on report_row for each row when (new.month = '2024-02')
    execute function break_off()`.execute(db)
  await expect(recomputeNextMonth(db)).rejects.toThrow('killed')
  while (await recomputeNextMonth(db));
  expect(await figuresOf('2024-03')).toMatchObject({ firstResponseMedianSeconds: 86_400 })
  await sql`drop trigger break_off on report_row`.execute(db)
  await recomputeAll()
  expect(await figuresOf('2024-02')).toMatchObject({ firstResponseMedianSeconds: 86_400 })
})

test('all rows are read page by page, each once', async () => {
  const seen: string[] = []
  let last: { month: string; organisationId: string } | null = null
  for (;;) {
    const rows: Awaited<ReturnType<typeof findReportRows>> = await findReportRows(db, last, 2)
    seen.push(...rows.map((row) => `${row.month} ${row.organisationId}`))
    last = rows.at(-1) ?? null
    if (rows.length < 2) break
  }
  expect(seen).toEqual(seen.toSorted().toReversed())
  expect(new Set(seen).size).toBe(seen.length)
  expect(seen.filter((line) => monthsUpTo('2026-08', 5).some((month) => line === `${month} `))).toHaveLength(5)
})
