import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { lockRotation } from '../../src/database/rotations/locks.ts'
import { carryOutNextDue } from '../../src/desk/carry-out.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { expireNextUndecided } from '../../src/desk/expire.ts'
import { moveRotation } from '../../src/desk/record.ts'
import { retryRotation } from '../../src/desk/retry.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import {
  addMember,
  addService,
  carryOutAll,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
  maker,
} from '../support/worlds/desk-world.ts'
import { DAY, letTimePass, lettersAbout, movesOf, race, readRotation } from '../support/worlds/story.ts'

const { db } = await openTestDatabase()
const ROUNDS = 20
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
  await addMember(db, world.organisationId, 'developer', 'Dev Eloper')
})

async function newService(): Promise<string> {
  count += 1
  return (await addService(db, world.admin, world.organisationId, `Service ${count}`)).id
}

/** As the desk does when it asks something. */
async function askAbout(ref: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const rotation = await lockRotation(trx, ref, null)
    await moveRotation(trx, rotation, 'ask', 'needs_info', { actor: world.agent, at: new Date() })
  })
}

async function remindersOf(ref: string) {
  const rows = await db.selectFrom('reminder').selectAll().where('rotationRef', '=', ref).orderBy('dueAt').execute()
  return rows.map(({ kind, of, dueAt }) => ({ kind, days: (of.getTime() - dueAt.getTime()) / DAY, of }))
}

test('a rotation that nobody decides for 14 days expires, tells the owners, and frees its keys', async () => {
  const serviceId = await newService()
  const ref = await file(db, world.owner, serviceId)
  await letTimePass(db, ref, 14 * DAY - 60_000)
  expect(await expireNextUndecided(db)).toBe(false)
  await letTimePass(db, ref, 60_000)
  expect(await expireNextUndecided(db)).toBe(true)
  expect(await readRotation(db, ref)).toMatchObject({ status: 'expired', nextDeadline: null })
  expect((await readRotation(db, ref)).completedAt).toBeInstanceOf(Date)
  expect((await readRotation(db, ref)).items.map((item) => item.status)).toEqual(['cancelled', 'cancelled'])
  expect(await lettersAbout(db, ref, 'expired')).toEqual(['expired: Ada Owner'])
  expect(await movesOf(db, ref)).toEqual(['submit→submitted', 'expire→expired'])
  expect(await expireNextUndecided(db)).toBe(false)
  await file(db, world.owner, serviceId)
})

test('a rotation that waits for an answer expires when its time to answer is over', async () => {
  const ref = await file(db, world.owner, await newService())
  await askAbout(ref)
  expect(await expireNextUndecided(db)).toBe(false)
  await letTimePass(db, ref, 14 * DAY)
  expect(await expireNextUndecided(db)).toBe(true)
  expect(await movesOf(db, ref)).toEqual(['submit→submitted', 'ask→needs_info', 'expire→expired'])
})

test('an approved rotation never expires undecided, however long its start is ahead', async () => {
  const notBefore = new Date(Date.now() + 30 * DAY)
  const ref = await fileAndApprove(db, world, await newService(), { notBefore })
  await letTimePass(db, ref, 20 * DAY)
  expect(await expireNextUndecided(db)).toBe(false)
  expect(await readRotation(db, ref)).toMatchObject({ status: 'scheduled' })
})

test('the agents are to be reminded 7 days and 1 day before a rotation expires', async () => {
  const ref = await file(db, world.owner, await newService())
  const { nextDeadline: of } = await readRotation(db, ref)
  expect(await remindersOf(ref)).toEqual([
    { kind: 'decide', days: 7, of },
    { kind: 'decide', days: 1, of },
  ])
})

test('an approval after the 14 days is refused, though no worker has been there yet', async () => {
  const ref = await file(db, world.owner, await newService())
  await letTimePass(db, ref, 14 * DAY)
  const late = approveRotation(db, world.agent, ref, { revision: 1 })
  await expect(late).rejects.toMatchObject({ code: 'ILLEGAL_MOVE', message: expect.stringContaining('14 days') })
  expect(await expireNextUndecided(db)).toBe(true)
})

test('of an approval and the expiry at the same moment one wins, and the loser is told', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const ref = await file(db, world.owner, await newService())
    const nextDeadline = new Date(Date.now() + 4)
    await db.updateTable('rotation').set({ nextDeadline }).where('ref', '=', ref).execute()
    const later = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 8))
    const { refused } = await race([
      () => approveRotation(db, world.agent, ref, { revision: 1 }),
      () => later().then(() => expireNextUndecided(db)),
      () => later().then(() => expireNextUndecided(db)),
    ])
    await expireNextUndecided(db)
    const outcome = { status: (await readRotation(db, ref)).status, refused }
    expect([
      { status: 'scheduled', refused: [] },
      { status: 'expired', refused: ['ILLEGAL_MOVE'] },
    ]).toContainEqual(outcome)
  }
  await carryOutAll(db)
})

test('many workers let each rotation expire once', async () => {
  const refs: string[] = []
  for (let i = 0; i < 10; i++) refs.push(await file(db, world.owner, await newService()))
  for (const ref of refs) await letTimePass(db, ref, 14 * DAY)
  const worker = async () => {
    let done = 0
    while (await expireNextUndecided(db)) done += 1
    return done
  }
  const done = await Promise.all(Array.from({ length: 6 }, worker))
  expect(done.reduce((sum, each) => sum + each, 0)).toBe(refs.length)
  for (const ref of refs) expect(await lettersAbout(db, ref, 'expired')).toHaveLength(1)
})

test('an approval that was not carried out within 7 days of its start is not carried out any more', async () => {
  const ref = await fileAndApprove(db, world, await newService())
  await letTimePass(db, ref, 7 * DAY)
  await carryOutAll(db)
  const rotation = await readRotation(db, ref)
  expect(rotation).toMatchObject({ status: 'needs_attention', problem: expect.stringContaining('approved anew') })
  expect(rotation.items.map((item) => [item.status, item.newVersionId])).toEqual([
    ['pending', null],
    ['pending', null],
  ])
  expect(await lettersAbout(db, ref, 'failed')).toEqual(['failed: Ada Owner', 'failed: Gia Agent', 'failed: Gus Agent'])
  expect(await movesOf(db, ref)).toEqual(['submit→submitted', 'approve→scheduled', 'execute→needs_attention'])
  expect(await carryOutNextDue(db, maker)).toBe(false)
})

test('a start a minute less than 7 days ago is still carried out; a start ahead counts from itself', async () => {
  const ref = await fileAndApprove(db, world, await newService())
  await letTimePass(db, ref, 7 * DAY - 60_000)
  const later = await fileAndApprove(db, world, await newService(), { notBefore: new Date(Date.now() + 3 * DAY) })
  await letTimePass(db, later, 9 * DAY)
  await carryOutAll(db)
  expect((await readRotation(db, ref)).status).toBe('overlap')
  expect((await readRotation(db, later)).status).toBe('overlap')
})

test('the retry of a stale approval asks for approval anew: a new revision, no approvals, 14 days to decide', async () => {
  const ref = await fileAndApprove(db, world, await newService())
  await letTimePass(db, ref, 7 * DAY)
  await carryOutAll(db)
  await retryRotation(db, world.otherAgent, ref)
  const rotation = await readRotation(db, ref)
  expect(rotation).toMatchObject({ status: 'submitted', revision: 2, approvals: [], decidedAt: null, problem: null })
  expect(Math.round((Number(rotation.nextDeadline) - Date.now()) / DAY)).toBe(14)
  expect((await remindersOf(ref)).filter(({ of }) => Number(of) === Number(rotation.nextDeadline))).toHaveLength(2)
  expect((await lettersAbout(db, ref, 'approval-needed')).length).toBe(4)
  await carryOutAll(db)
  expect((await readRotation(db, ref)).status).toBe('submitted')
  const stale = approveRotation(db, world.agent, ref, { revision: 1 })
  await expect(stale).rejects.toMatchObject({ code: 'STALE_REVISION' })
  await approveRotation(db, world.agent, ref, { revision: 2 })
  await carryOutAll(db)
  expect((await readRotation(db, ref)).status).toBe('overlap')
  expect(await movesOf(db, ref)).toEqual([
    'submit→submitted',
    'approve→scheduled',
    'execute→needs_attention',
    'retry→submitted',
    'approve→scheduled',
    'execute→executing',
    'settle→overlap',
  ])
})

test('a stale approval whose owner changed their password meanwhile needs two new ones', async () => {
  const ref = await fileAndApprove(db, world, await newService())
  await letTimePass(db, ref, 7 * DAY)
  await carryOutAll(db)
  const changed = db.updateTable('person').where('id', '=', world.owner.personId)
  await changed.set({ passwordChangedAt: new Date() }).execute()
  await retryRotation(db, world.agent, ref)
  await changed.set({ passwordChangedAt: null }).execute()
  expect(await readRotation(db, ref)).toMatchObject({ approvalsNeeded: 2 })
})

test('the retry of failed items makes them due at once, and a repaired key gets its new version', async () => {
  const { id, authKeyId } = await addService(db, world.admin, world.organisationId, 'Repaired')
  const ref = await fileAndApprove(db, world, id)
  const ownEnd = new Date(Date.now() + 3_600_000)
  const version = db.updateTable('version').where('keyId', '=', authKeyId)
  await version.set({ ownEnd, acceptedUntil: ownEnd }).execute()
  await carryOutAll(db)
  expect((await readRotation(db, ref)).status).toBe('needs_attention')
  await version.set({ ownEnd: null, acceptedUntil: null }).execute()
  await retryRotation(db, world.agent, ref)
  expect(await readRotation(db, ref)).toMatchObject({ status: 'executing' })
  await carryOutAll(db)
  const rotation = await readRotation(db, ref)
  expect(rotation.status).toBe('overlap')
  expect(rotation.items.map((item) => [item.status, item.problem])).toEqual([
    ['overlap', null],
    ['overlap', null],
  ])
})

test('one that cannot expire holds up no other, stays overdue, and expires once the fault is over', async () => {
  const broken = await file(db, world.owner, await newService())
  const good = await file(db, world.owner, await newService())
  await letTimePass(db, broken, 14 * DAY + 60_000)
  await letTimePass(db, good, 14 * DAY)
  await sql`
    create function break_off() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$`.execute(
    db,
  )
  await sql`
    create trigger break_off after insert on letter for each row when (new.thread = ${sql.lit(broken)})
    execute function break_off()`.execute(db)
  await expect(expireNextUndecided(db)).rejects.toThrow('killed')
  expect(await expireNextUndecided(db)).toBe(true)
  expect(await readRotation(db, good)).toMatchObject({ status: 'expired' })
  const { revision } = await readRotation(db, broken)
  await expect(approveRotation(db, world.agent, broken, { revision })).rejects.toMatchObject({ code: 'ILLEGAL_MOVE' })
  await sql`drop trigger break_off on letter`.execute(db)
  expect(await expireNextUndecided(db)).toBe(true)
  expect(await readRotation(db, broken)).toMatchObject({ status: 'expired' })
})

test('a retry is for what needs attention alone, and for the staff alone', async () => {
  const ref = await fileAndApprove(db, world, await newService())
  await expect(retryRotation(db, world.agent, ref)).rejects.toMatchObject({ code: 'ILLEGAL_MOVE' })
  await expect(retryRotation(db, world.owner, ref)).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
  await letTimePass(db, ref, 7 * DAY)
  await carryOutAll(db)
  const retry = () => retryRotation(db, world.agent, ref)
  expect(await race([retry, retry, retry])).toEqual({ won: 1, refused: ['ILLEGAL_MOVE', 'ILLEGAL_MOVE'] })
})

test('every invariant holds after all of this', async () => {
  expect(await findViolations(db)).toEqual([])
})
