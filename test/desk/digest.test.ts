import { sql } from 'kysely'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { lockRotation } from '../../src/database/rotations/locks.ts'
import { writeNextDigest } from '../../src/desk/mail/digest.ts'
import { moveRotation } from '../../src/desk/record.ts'
import { chooseTopics } from '../../src/identity/account/notifications.ts'
import { setTimeZone } from '../../src/identity/account/time-zone.ts'
import type { PersonActor } from '../../src/rules/permissions.ts'
import { openTestDatabase } from '../support/database.ts'
import {
  addService,
  addStaff,
  carryOutAll,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
} from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
const MINUTE = 60_000
const HOUR = 60 * MINUTE
let world: DeskWorld
let services = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

beforeEach(async () => {
  await digestAll()
  await db.deleteFrom('letter').execute()
})

async function newService(): Promise<string> {
  services += 1
  return (await addService(db, world.admin, world.organisationId, `Service ${services}`)).id
}

async function digestAll(): Promise<void> {
  while (await writeNextDigest(db));
}

/** As if it were 08:00, so long ago, for this person. */
async function due(person: PersonActor, ago = MINUTE): Promise<void> {
  const digestDueAt = new Date(Date.now() - ago)
  await db.updateTable('person').set({ digestDueAt }).where('id', '=', person.personId).execute()
}

async function dueAt(person: PersonActor): Promise<Date> {
  const row = await db.selectFrom('person').select('digestDueAt').where('id', '=', person.personId).executeTakeFirst()
  return row?.digestDueAt ?? new Date(0)
}

async function digests() {
  const rows = await db.selectFrom('letter').selectAll().where('kind', '=', 'digest').orderBy('id').execute()
  return rows.map(({ toName, facts }) => ({ to: toName, facts }))
}

type Row = { ref: string; waiting: string; urgent: boolean; until: string | null }

async function rowsFor(person: PersonActor): Promise<Row[]> {
  await due(person)
  await digestAll()
  const own = (await digests()).find(({ to }) => to === person.name)
  const rows = own === undefined ? [] : Object.values(own.facts.rows ?? [])
  return rows.map(({ ref, waiting, urgent, until }) => ({ ref, waiting, urgent, until }))
}

describe('what waits', () => {
  test('is nothing: then there is no letter', async () => {
    for (const person of [world.owner, world.agent, world.admin]) await due(person)
    await digestAll()
    expect(await digests()).toEqual([])
  })

  test('for an agent: what they may decide, leaked keys first, and trouble; not what they decided', async () => {
    const routine = await file(db, world.owner, await newService())
    const leaked = await file(db, world.owner, await newService(), { reason: 'compromised' })
    expect(await rowsFor(world.agent)).toMatchObject([
      { ref: leaked, waiting: 'decide', urgent: true },
      { ref: routine, waiting: 'decide', urgent: false },
    ])
    // what needs two approvals has one of this agent's
    await db.updateTable('rotation').set({ approvalsNeeded: 2 }).where('ref', '=', routine).execute()
    const approval = { rotationRef: routine, revision: 1, agentId: world.agent.personId, at: new Date() }
    await db.insertInto('approval').values(approval).execute()
    await db.deleteFrom('letter').execute()
    expect((await rowsFor(world.agent)).map(({ ref }) => ref)).toEqual([leaked])
    expect((await rowsFor(world.otherAgent)).map(({ ref }) => ref)).toEqual([leaked, routine])
  })

  test('for an administrator is not what only agents may decide', async () => {
    expect(await rowsFor(world.admin)).toEqual([])
  })

  test('for an agent: a follow-up, and what could not be done', async () => {
    const ref = await fileAndApprove(db, world, await newService(), { reason: 'compromised' })
    await carryOutAll(db)
    const items = await db.selectFrom('item').select('id').where('rotationRef', '=', ref).execute()
    await db
      .insertInto('followUp')
      .values({
        id: `fup_${ref}`,
        rotationRef: ref,
        organisationId: world.organisationId,
        type: 'rollback',
        status: 'requested',
        itemIds: items.map((item) => item.id),
        requestedBy: world.owner.personId,
        requestedAt: new Date(),
        approvalsNeeded: 2,
      })
      .execute()
    const troubled = await fileAndApprove(db, world, await newService())
    await db.transaction().execute(async (trx) => {
      const record = { actor: { kind: 'worker' as const }, at: new Date() }
      await moveRotation(trx, await lockRotation(trx, troubled, null), 'execute', 'needs_attention', record)
    })
    const rows = await rowsFor(world.agent)
    expect(rows).toContainEqual(expect.objectContaining({ ref, waiting: 'follow_up', urgent: true }))
    expect(rows).toContainEqual(expect.objectContaining({ ref: troubled, waiting: 'trouble', until: null }))
  })

  test('for an owner: open questions, and new keys that nobody has picked up', async () => {
    const asked = await file(db, world.owner, await newService())
    await db.transaction().execute(async (trx) => {
      const record = { actor: world.agent, at: new Date() }
      await moveRotation(trx, await lockRotation(trx, asked, null), 'ask', 'needs_info', record)
    })
    const made = await fileAndApprove(db, world, await newService())
    await carryOutAll(db)
    const rows = await rowsFor(world.owner)
    expect(rows).toContainEqual(expect.objectContaining({ ref: asked, waiting: 'question' }))
    expect(rows).toContainEqual(expect.objectContaining({ ref: made, waiting: 'not_picked_up' }))
    const items = await db.selectFrom('item').select('newVersionId').where('rotationRef', '=', made).execute()
    const ids = items.flatMap((item) => item.newVersionId ?? [])
    const revealed = { revealedAt: new Date(), revealedBy: world.owner.personId, sealed: null, sealedKeyId: null }
    await db.updateTable('version').set(revealed).where('id', 'in', ids).execute()
    await db.deleteFrom('letter').execute()
    expect((await rowsFor(world.owner)).map(({ ref }) => ref)).not.toContain(made)
  })

  test('beyond ten is counted', async () => {
    const fresh = await addStaff(db, 'agent', 'Fay Fresh')
    for (let n = 0; n < 12; n++) await file(db, world.owner, await newService())
    expect(await rowsFor(fresh)).toHaveLength(10)
    const letter = (await digests()).find(({ to }) => to === 'Fay Fresh')
    expect(letter?.facts.more).toBeGreaterThanOrEqual(2)
    expect(letter?.facts.path).toBe('/queue')
  })
})

describe('once a day', () => {
  test('is the letter written, however many workers there are and however often it comes due', async () => {
    for (let round = 0; round < 20; round++) {
      await db.deleteFrom('letter').execute()
      await due(world.agent)
      await Promise.all([writeNextDigest(db), writeNextDigest(db), writeNextDigest(db)])
      await digestAll()
      await due(world.agent, 2 * MINUTE)
      await digestAll()
      expect(await digests(), `round ${round}`).toHaveLength(1)
    }
  })

  test('the next one is due at 08:00 in the reader’s time zone', async () => {
    for (const zone of ['Asia/Tokyo', 'America/Los_Angeles', 'Europe/Zurich', 'Asia/Kathmandu']) {
      await setTimeZone(db, world.agent, zone)
      await digestAll()
      const next = await dueAt(world.agent)
      const shown = next.toLocaleTimeString('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' })
      expect(shown, zone).toBe('08:00')
      expect(next.getTime()).toBeGreaterThan(Date.now())
      expect(next.getTime()).toBeLessThanOrEqual(Date.now() + 24 * HOUR)
    }
  })

  test('a change of the time zone brings no letter by itself', async () => {
    await setTimeZone(db, world.agent, 'Pacific/Auckland')
    await digestAll()
    expect(await digests()).toEqual([])
  })

  test('a worker that comes long after leaves it to the next day', async () => {
    await due(world.agent, 7 * HOUR)
    await digestAll()
    expect(await digests()).toEqual([])
    expect((await dueAt(world.agent)).getTime()).toBeGreaterThan(Date.now())
  })

  test('one that dies while it writes has sent nothing, and holds up nobody else', async () => {
    await sql`
      create function break_off() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$`.execute(
      db,
    )
    await sql`
      create trigger break_off after insert on letter for each row when (new.to_name = 'Gus Agent')
      execute function break_off()`.execute(db)
    await due(world.agent, 2 * MINUTE)
    await due(world.otherAgent)
    await expect(writeNextDigest(db)).rejects.toThrow('killed')
    await digestAll()
    expect((await digests()).map(({ to }) => to)).toEqual(['Gia Agent'])
    await sql`drop trigger break_off on letter`.execute(db)
    await due(world.agent)
    await digestAll()
    expect((await digests()).map(({ to }) => to)).toEqual(['Gia Agent', 'Gus Agent'])
  })

  test('whoever switched it off gets none, and neither does whoever can’t sign in', async () => {
    await chooseTopics(db, world.agent, ['digest'], [])
    await db.updateTable('person').set({ disabledAt: new Date() }).where('id', '=', world.otherAgent.personId).execute()
    for (const person of [world.agent, world.otherAgent]) await due(person)
    await digestAll()
    expect(await digests()).toEqual([])
  })
})
