import { sql } from 'kysely'
import { beforeAll, describe, expect, test } from 'vitest'
import { lockItems, lockRotation } from '../../src/database/rotations/locks.ts'
import { mergeUses } from '../../src/database/watch/merge.ts'
import { extendOverlap } from '../../src/desk/follow-ups/extend.ts'
import { planEndReminders } from '../../src/desk/mail/plan-end-reminders.ts'
import { remindNextDue } from '../../src/desk/mail/remind.ts'
import { moveItem, moveRotation } from '../../src/desk/record.ts'
import { withdrawRotation } from '../../src/desk/withdraw.ts'
import type { PersonActor } from '../../src/rules/permissions.ts'
import { openTestDatabase } from '../support/database.ts'
import {
  addMember,
  addService,
  carryOutAll,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
} from '../support/worlds/desk-world.ts'
import { DAY, HOUR, letTimePass } from '../support/worlds/passing-time.ts'

const { db } = await openTestDatabase()
const MONTH_SECONDS = 30 * 86_400
let world: DeskWorld
let developer: PersonActor
let services = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
  await addMember(db, world.organisationId, 'viewer', 'Vic Viewer')
  developer = await addMember(db, world.organisationId, 'developer', 'Dev Developer')
})

async function newService(): Promise<string> {
  services += 1
  return (await addService(db, world.admin, world.organisationId, `Service ${services}`)).id
}

/** A rotation whose new keys were just made. */
async function running(overlapSeconds = MONTH_SECONDS): Promise<string> {
  const ref = await fileAndApprove(db, world, await newService(), { overlapSeconds })
  await carryOutAll(db)
  return ref
}

async function remindAll(): Promise<void> {
  while (await remindNextDue(db));
}

type Told = { kind: string; to: string; facts: Record<string, unknown> }

async function told(ref: string, kind?: string): Promise<Told[]> {
  const rows = await db.selectFrom('letter').selectAll().where('thread', '=', ref).orderBy('id').execute()
  return rows
    .filter((row) => (kind === undefined ? ['old-key-stops', 'not-picked-up'].includes(row.kind) : row.kind === kind))
    .map((row) => ({ kind: row.kind, to: row.toName, facts: row.facts }))
}

/** The letters that came since the last call, as "kind to whom". */
async function news(ref: string): Promise<string[]> {
  await remindAll()
  const rows = await told(ref)
  await db.deleteFrom('letter').where('thread', '=', ref).execute()
  return rows.map((row) => `${row.kind} to ${row.to}`).toSorted()
}

const EVERYBODY = ['Ada Owner', 'Dev Developer', 'Vic Viewer']
const endTo = (names: readonly string[]) => names.map((name) => `old-key-stops to ${name}`)

async function oldVersions(ref: string): Promise<string[]> {
  const items = await db.selectFrom('item').select('oldVersionId').where('rotationRef', '=', ref).execute()
  return items.flatMap((item) => item.oldVersionId ?? [])
}

async function useOldKeys(ref: string, ago: number): Promise<void> {
  const at = new Date(Date.now() - ago)
  const uses = (await oldVersions(ref)).map((versionId) => ({
    versionId,
    firstUsedAt: at,
    lastUsedAt: at,
    lastNetwork: '203.0.113.7',
  }))
  await mergeUses(db, uses)
}

async function pickUp(ref: string): Promise<void> {
  const items = await db.selectFrom('item').select('newVersionId').where('rotationRef', '=', ref).execute()
  const ids = items.flatMap((item) => item.newVersionId ?? [])
  const change = { revealedAt: new Date(), revealedBy: world.owner.personId, sealed: null, sealedKeyId: null }
  await db.updateTable('version').set(change).where('id', 'in', ids).execute()
}

/** Moves the end of a rotation's old keys, as an extension or an early revocation at a time does. */
async function moveEnd(ref: string, by: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    for (const item of await lockItems(trx, ref)) {
      const end = new Date((item.overlapEndsAt?.getTime() ?? 0) + by)
      await trx.updateTable('item').set({ overlapEndsAt: end, dueAt: end }).where('id', '=', item.id).execute()
    }
    await planEndReminders(trx, ref, await lockItems(trx, ref), new Date())
  })
}

async function waiting(ref: string): Promise<number> {
  return (await db.selectFrom('reminder').selectAll().where('rotationRef', '=', ref).execute()).length
}

describe('before an old key stops', () => {
  test('everybody who may view the keys is told 7 days, 1 day and, while it is in use, 1 hour before', async () => {
    const ref = await running()
    await pickUp(ref)
    await letTimePass(db, ref, 23 * DAY - HOUR)
    expect(await news(ref)).toEqual([])
    await letTimePass(db, ref, 2 * HOUR)
    expect(await news(ref)).toEqual(endTo(EVERYBODY))
    await letTimePass(db, ref, 6 * DAY - 2 * HOUR)
    expect(await news(ref)).toEqual([])
    await letTimePass(db, ref, 2 * HOUR)
    expect(await news(ref)).toEqual(endTo(EVERYBODY))
    await letTimePass(db, ref, 22 * HOUR + HOUR / 2)
    await useOldKeys(ref, HOUR)
    expect(await news(ref)).toEqual(endTo(EVERYBODY))
    expect(await waiting(ref)).toBe(0)
  })

  test('an hour before nobody is told when the old key was not used in the last day', async () => {
    const ref = await running()
    await pickUp(ref)
    await letTimePass(db, ref, 30 * DAY - HOUR / 2)
    await useOldKeys(ref, DAY + HOUR)
    expect(await news(ref)).toEqual([])
    expect(await waiting(ref)).toBe(0)
  })

  test('an hour before only the keys that are in use are named', async () => {
    const ref = await running()
    await pickUp(ref)
    const [first] = await oldVersions(ref)
    await letTimePass(db, ref, 30 * DAY - HOUR / 2)
    const at = new Date(Date.now() - HOUR)
    await mergeUses(db, [{ versionId: first ?? '', firstUsedAt: at, lastUsedAt: at, lastNetwork: null }])
    await remindAll()
    const [letter] = await told(ref, 'old-key-stops')
    expect(letter?.facts.items).toHaveLength(1)
  })

  test('the letter tells the old key’s last use, and that nobody has picked up the new one', async () => {
    const ref = await running()
    await letTimePass(db, ref, 23 * DAY + HOUR)
    await useOldKeys(ref, 2 * HOUR)
    await remindAll()
    const letters = await told(ref, 'old-key-stops')
    const owners = letters.find((letter) => letter.to === 'Ada Owner')
    expect(owners?.facts.items).toMatchObject([
      { oldLastNetwork: '203.0.113.7', pickedUp: false },
      { oldLastNetwork: '203.0.113.7', pickedUp: false },
    ])
    expect(owners?.facts).toMatchObject({ mayReveal: true, who: null })
    expect(letters.find((letter) => letter.to === 'Vic Viewer')?.facts).toMatchObject({ mayReveal: false })
  })

  test('a worker that comes late sends the latest reminder alone, and none after the end', async () => {
    const late = await running()
    await pickUp(late)
    await letTimePass(db, late, 29 * DAY + 4 * HOUR)
    expect(await news(late)).toEqual(endTo(EVERYBODY))
    const over = await running()
    await letTimePass(db, over, 30 * DAY + 1000)
    expect(await news(over)).toEqual([])
    expect(await waiting(over)).toBe(0)
  })

  test('the reminder that comes some hours late still tells what is left, and not 7 days', async () => {
    const ref = await running()
    await pickUp(ref)
    await letTimePass(db, ref, 26 * DAY)
    await remindAll()
    const [letter] = await told(ref, 'old-key-stops')
    const { at, oldStopsAt } = letter?.facts ?? {}
    const left = new Date(String(oldStopsAt)).getTime() - new Date(String(at)).getTime()
    expect(left / DAY).toBeCloseTo(4, 1)
  })
})

describe('an end that moves', () => {
  test('later, by an extension, takes its reminders with it', async () => {
    const ref = await running(14 * 86_400)
    await pickUp(ref)
    const overlapEndsAt = new Date(Date.now() + 24 * DAY)
    await extendOverlap(db, world.owner, ref, { overlapEndsAt })
    await letTimePass(db, ref, 7 * DAY + HOUR)
    expect(await news(ref)).toEqual([])
    await letTimePass(db, ref, 10 * DAY)
    expect(await news(ref)).toEqual(endTo(EVERYBODY))
  })

  test('planned twice is reminded of once', async () => {
    const ref = await running()
    await pickUp(ref)
    await moveEnd(ref, 0)
    await moveEnd(ref, 0)
    await letTimePass(db, ref, 23 * DAY + HOUR)
    expect(await news(ref)).toEqual(endTo(EVERYBODY))
  })

  test('is not reminded of once the key was revoked, whether or not the worker has seen it, or rolled back', async () => {
    const revoked = await running()
    await letTimePass(db, revoked, 23 * DAY + HOUR)
    const ids = await oldVersions(revoked)
    await db.updateTable('version').set({ revokedAt: new Date() }).where('id', 'in', ids).execute()
    expect(await news(revoked)).toEqual([])
    for (const [move, status] of [
      ['revoke_early', 'retired'],
      ['roll_back', 'rolled_back'],
    ] as const) {
      const ref = await running()
      await letTimePass(db, ref, 23 * DAY + HOUR)
      await db.transaction().execute(async (trx) => {
        const record = { actor: world.owner, at: new Date() }
        for (const item of await lockItems(trx, ref)) await moveItem(trx, item, move, status, record)
      })
      expect(await news(ref)).toEqual([])
    }
  })
})

describe('a new key that nobody has picked up', () => {
  test('is told of a day after it was made, and when a third of the overlap is left, to those who may', async () => {
    const ref = await running()
    await letTimePass(db, ref, DAY + HOUR)
    expect(await news(ref)).toEqual(['not-picked-up to Ada Owner'])
    await db.updateTable('membership').set({ mayReveal: true }).where('personId', '=', developer.personId).execute()
    await letTimePass(db, ref, 19 * DAY)
    expect(await news(ref)).toEqual(['not-picked-up to Ada Owner', 'not-picked-up to Dev Developer'])
    await db.updateTable('membership').set({ mayReveal: false }).where('personId', '=', developer.personId).execute()
  })

  test('is not told of once it was picked up, and only keys that were not are named', async () => {
    const ref = await running()
    await letTimePass(db, ref, DAY + HOUR)
    const [item] = await db.selectFrom('item').select('newVersionId').where('rotationRef', '=', ref).execute()
    const revealed = { revealedAt: new Date(), revealedBy: world.owner.personId, sealed: null, sealedKeyId: null }
    await db
      .updateTable('version')
      .set(revealed)
      .where('id', '=', item?.newVersionId ?? '')
      .execute()
    await remindAll()
    expect((await told(ref, 'not-picked-up'))[0]?.facts.items).toHaveLength(1)
    await pickUp(ref)
    await db.deleteFrom('letter').where('thread', '=', ref).execute()
    await letTimePass(db, ref, 19 * DAY)
    expect(await news(ref)).toEqual([])
  })
})

describe('what nobody has decided or answered', () => {
  async function planDue(ref: string, kind: 'decide' | 'answer'): Promise<void> {
    const { nextDeadline } = await db
      .selectFrom('rotation')
      .select('nextDeadline')
      .where('ref', '=', ref)
      .executeTakeFirstOrThrow()
    const row = { rotationRef: ref, kind, of: nextDeadline ?? new Date(), dueAt: new Date(Date.now() - 1000) }
    await db.insertInto('reminder').values(row).execute()
  }

  test('is told to those who may decide, while it waits', async () => {
    const ref = await file(db, world.owner, await newService())
    await planDue(ref, 'decide')
    await remindAll()
    expect((await told(ref, 'expires-soon')).map((letter) => letter.to)).toEqual(
      expect.arrayContaining(['Gus Agent', 'Gia Agent']),
    )
    const gone = await file(db, world.owner, await newService())
    await planDue(gone, 'decide')
    await withdrawRotation(db, world.owner, gone)
    await remindAll()
    expect(await told(gone, 'expires-soon')).toEqual([])
  })

  test('is not told of when the time to decide has changed meanwhile', async () => {
    const ref = await file(db, world.owner, await newService())
    await planDue(ref, 'decide')
    await db
      .updateTable('rotation')
      .set({ nextDeadline: new Date(Date.now() + DAY) })
      .where('ref', '=', ref)
      .execute()
    await remindAll()
    expect(await told(ref, 'expires-soon')).toEqual([])
  })

  test('an open question is asked again, in the words and the name of whoever asked', async () => {
    const ref = await file(db, world.owner, await newService())
    await planDue(ref, 'answer')
    const asked = {
      id: 'msg_1',
      rotationRef: ref,
      organisationId: world.organisationId,
      authorId: world.agent.personId,
      kind: 'question' as const,
      fromStaff: true,
      body: 'Which programs use it?',
      at: new Date(),
    }
    await db.insertInto('message').values(asked).execute()
    await db.transaction().execute(async (trx) => {
      const rotation = await lockRotation(trx, ref, null)
      await moveRotation(trx, rotation, 'ask', 'needs_info', { actor: world.agent, at: new Date() })
    })
    await remindAll()
    expect(await told(ref, 'question')).toMatchObject([
      { to: 'Ada Owner', facts: { who: 'Gus Agent', note: 'Which programs use it?', again: true } },
    ])
  })
})

describe('whatever happens to the worker', () => {
  test('of several at once each letter is put once', async () => {
    const ref = await running()
    await pickUp(ref)
    await letTimePass(db, ref, 23 * DAY + HOUR)
    const due = await db
      .selectFrom('reminder')
      .selectAll()
      .where('rotationRef', '=', ref)
      .where('dueAt', '<=', new Date())
      .where('kind', '=', 'old_key_stops')
      .execute()
    for (let round = 0; round < 20; round++) {
      await Promise.all([remindNextDue(db), remindNextDue(db), remindNextDue(db)])
      expect(await news(ref), `round ${round}`).toEqual(endTo(EVERYBODY))
      const again = due.map((row) => ({ ...row, dueAt: new Date(row.dueAt.getTime() + round + 1) }))
      await db.insertInto('reminder').values(again).execute()
    }
  })

  test('one that dies while it writes has told nobody, holds up no other, and its reminder is carried out later', async () => {
    const broken = await running()
    const good = await running()
    for (const ref of [broken, good]) await pickUp(ref)
    await letTimePass(db, broken, 23 * DAY + 2 * HOUR)
    await letTimePass(db, good, 23 * DAY + HOUR)
    await db.deleteFrom('letter').execute()
    await sql`
      create function break_off() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$`.execute(
      db,
    )
    await sql`
      create trigger break_off after insert on letter for each row when (new.thread = ${sql.lit(broken)})
      execute function break_off()`.execute(db)
    await expect(remindNextDue(db)).rejects.toThrow('killed')
    expect(await news(good)).toEqual(endTo(EVERYBODY))
    expect(await told(broken)).toEqual([])
    await sql`drop trigger break_off on letter`.execute(db)
    expect(await news(broken)).toEqual([])
    await letTimePass(db, broken, HOUR)
    expect(await news(broken)).toEqual(endTo(EVERYBODY))
  })

  test('a reminder carried out a second time puts no second letter', async () => {
    const ref = await running()
    await pickUp(ref)
    await letTimePass(db, ref, 23 * DAY + HOUR)
    const due = await db.selectFrom('reminder').selectAll().where('rotationRef', '=', ref).execute()
    await remindAll()
    await db
      .insertInto('reminder')
      .values(due)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    expect(await news(ref)).toEqual(endTo(EVERYBODY))
  })
})
