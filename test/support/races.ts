import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { expect } from 'vitest'
import type { Db } from '../../src/database/connect.ts'
import { carryOutNextDue } from '../../src/desk/carry-out.ts'
import { approveRotation, rejectRotation } from '../../src/desk/decide.ts'
import { extendOverlap } from '../../src/desk/follow-ups/extend.ts'
import { rollBack } from '../../src/desk/follow-ups/roll-back.ts'
import { withdrawRotation } from '../../src/desk/withdraw.ts'
import { Refusal } from '../../src/rules/refusals.ts'
import { addService, carryOutAll, type DeskWorld, file, maker } from './worlds/desk-world.ts'
import { DAY, read } from './worlds/overlaps.ts'

/** How a round went: what the rotation became, what those who lost were told, and how many versions were made and are accepted. */
type Outcome = { status: string; refused: string[]; made: number; accepted: number }
type Place = { db: Db; world: DeskWorld }

/** Two that want the same rotation at the same moment. */
export type Race = {
  /** A guarantee, as the name of a test. */
  name: string
  /** Files a rotation of the key and brings it to where the race begins. */
  prepare: (place: Place, keyId: string) => Promise<string>
  runners: (place: Place, ref: string) => readonly (() => Promise<unknown>)[]
  /** Brings what is about to happen near, right before the runners start; answers when it happens. */
  begin?: (place: Place, ref: string) => Promise<Date>
  outcomes: readonly Outcome[]
  /** Frees the key for the next round. */
  end: (place: Place, ref: string) => Promise<unknown>
}

const TOO_LATE = 'The old key has stopped for good'
const DECIDED = 'no longer at a point'
/** How near an end is, at most, when those who race for it set out. */
const NEAR_MILLISECONDS = 40

async function fileKey({ db, world }: Place, keyId: string, more: object = {}): Promise<string> {
  return file(db, world.owner, '', { items: [{ keyId }], notBefore: new Date(Date.now() + DAY), ...more })
}

async function fileScheduled(place: Place, keyId: string): Promise<string> {
  const ref = await fileKey(place, keyId)
  await approveRotation(place.db, place.world.agent, ref, { revision: 1 })
  return ref
}

async function start({ db }: Place, ref: string): Promise<Date> {
  const now = sql<Date>`date_trunc('milliseconds', clock_timestamp())`
  const due = db.updateTable('item').set({ dueAt: now }).where('rotationRef', '=', ref)
  const { dueAt } = await due.returning('dueAt').executeTakeFirstOrThrow()
  return dueAt ?? new Date()
}

async function fileOverlapping(place: Place, keyId: string): Promise<string> {
  const ref = await fileScheduled(place, keyId)
  await start(place, ref)
  await carryOutAll(place.db)
  return ref
}

/** As if the overlap had nearly run: it ends within some milliseconds, by the database's clock. */
async function bringEndNear({ db }: Place, ref: string): Promise<Date> {
  const milliseconds = Math.floor(Math.random() * NEAR_MILLISECONDS)
  const { rows } = await sql<{ at: Date }>`
    select date_trunc('milliseconds', clock_timestamp() + ${milliseconds} * interval '1 millisecond') as at`.execute(db)
  const at = rows[0]?.at
  if (at === undefined) throw new Error('the database told no time')
  const item = db.selectFrom('item').select('oldVersionId').where('rotationRef', '=', ref)
  await db.updateTable('version').set({ acceptedUntil: at }).where('id', 'in', item).execute()
  await db.updateTable('item').set({ overlapEndsAt: at, dueAt: at }).where('rotationRef', '=', ref).execute()
  return at
}

/** Follow-ups that were carried out although the old key had ended: they would have brought it back. */
async function findResurrections({ db }: Place, ref: string, end: Date): Promise<string[]> {
  const late = db.selectFrom('followUp').select('id').where('rotationRef', '=', ref).where('status', '=', 'done')
  return (await late.where('decidedAt', '>=', end).execute()).map(({ id }) => id)
}

/** A worker that is there while the others run, and until what is due is done. */
async function workMeanwhile({ db }: Place): Promise<void> {
  const end = performance.now() + NEAR_MILLISECONDS
  while (performance.now() < end) {
    await carryOutNextDue(db, maker)
    await sleep(1)
  }
}

async function settleWhatIsDue({ db }: Place, ref: string): Promise<void> {
  const end = performance.now() + 10_000
  for (;;) {
    await carryOutAll(db)
    const due = db.selectFrom('item').select('id').where('rotationRef', '=', ref)
    const left = await due.where('dueAt', '<=', sql<Date>`clock_timestamp()`).execute()
    if (left.length === 0) return
    if (performance.now() > end) throw new Error(`${ref} stays due`)
    await sleep(1)
  }
}

/** How it stands: `made` and `accepted` count the key's versions of this rotation. */
async function outcomeOf({ db }: Place, ref: string, refused: string[]): Promise<Outcome> {
  const { status, items } = await read(db, ref)
  const versions = items.flatMap(({ oldVersion, newVersion }) => [oldVersion, newVersion])
  return {
    status,
    refused,
    made: items.filter(({ newVersionId }) => newVersionId !== null).length,
    accepted: versions.filter((version) => version?.accepted).length,
  }
}

const ignore = async () => {}

export const RACES: readonly Race[] = [
  {
    name: 'of two agents who approve at the same moment one schedules, and the other is told',
    prepare: fileKey,
    runners: ({ db, world }, ref) =>
      [world.agent, world.otherAgent].map((agent) => () => approveRotation(db, agent, ref, { revision: 1 })),
    outcomes: [{ status: 'scheduled', refused: [DECIDED], made: 0, accepted: 1 }],
    end: ({ db, world }, ref) => withdrawRotation(db, world.owner, ref),
  },
  {
    name: 'of an approval and a rejection at the same moment one wins, and the other is told',
    prepare: fileKey,
    runners: ({ db, world }, ref) => [
      () => approveRotation(db, world.agent, ref, { revision: 1 }),
      () => rejectRotation(db, world.otherAgent, ref, { revision: 1, reason: 'no' }),
    ],
    outcomes: [
      { status: 'scheduled', refused: [DECIDED], made: 0, accepted: 1 },
      { status: 'rejected', refused: [DECIDED], made: 0, accepted: 0 },
    ],
    end: ({ db, world }, ref) => withdrawRotation(db, world.owner, ref).catch(ignore),
  },
  {
    name: 'of a withdrawal and a start at the same moment one wins, and whoever is too late to withdraw is told',
    prepare: fileScheduled,
    begin: start,
    runners: (place, ref) => [
      () => withdrawRotation(place.db, place.world.owner, ref),
      () => carryOutNextDue(place.db, maker),
    ],
    outcomes: [
      { status: 'withdrawn', refused: [], made: 0, accepted: 0 },
      { status: 'overlap', refused: [DECIDED], made: 1, accepted: 2 },
    ],
    end: ({ db, world }, ref) => rollBack(db, world.owner, ref).catch(ignore),
  },
  {
    name: 'of going back and the end of the overlap at the same moment one wins, and no old key comes back from its end',
    prepare: fileOverlapping,
    begin: bringEndNear,
    runners: (place, ref) => [
      () => sleep(Math.random() * 15).then(() => rollBack(place.db, place.world.owner, ref)),
      () => workMeanwhile(place),
    ],
    outcomes: [
      { status: 'rolled_back', refused: [], made: 1, accepted: 1 },
      { status: 'completed', refused: [TOO_LATE], made: 1, accepted: 1 },
    ],
    end: ignore,
  },
  {
    name: 'of more time and the end of the overlap at the same moment one wins, and no old key works on after its end',
    prepare: fileOverlapping,
    begin: bringEndNear,
    runners: (place, ref) => [
      () =>
        sleep(Math.random() * 15).then(() =>
          extendOverlap(place.db, place.world.owner, ref, { overlapEndsAt: new Date(Date.now() + 5 * DAY) }),
        ),
      () => workMeanwhile(place),
    ],
    outcomes: [
      { status: 'overlap', refused: [], made: 1, accepted: 2 },
      { status: 'completed', refused: [TOO_LATE], made: 1, accepted: 1 },
    ],
    end: ({ db, world }, ref) => rollBack(db, world.owner, ref).catch(ignore),
  },
]

/** What the losers were told: the known sentence that theirs holds, or all of it. Anything but a refusal is thrown on. */
async function refusalsOf(runners: readonly (() => Promise<unknown>)[]): Promise<string[]> {
  const results = await Promise.allSettled(runners.map((run) => run()))
  return results.flatMap((result) => {
    if (result.status === 'fulfilled') return []
    if (!(result.reason instanceof Refusal)) throw result.reason
    const { message } = result.reason
    return [[TOO_LATE, DECIDED].find((known) => message.includes(known)) ?? message]
  })
}

/** Keys that take turns, so that none gathers so many versions that looking at them costs more than the race. */
const KEYS_AT_ONCE = 20

async function makeKeys({ db, world }: Place, count: number): Promise<string[]> {
  const keyIds: string[] = []
  while (keyIds.length < count) {
    const name = `Raced ${keyIds.length} ${Math.random()}`
    const { authKeyId, adminKeyId } = await addService(db, world.admin, world.organisationId, name)
    keyIds.push(authKeyId, adminKeyId)
  }
  return keyIds.slice(0, count)
}

async function runRound(place: Place, race: Race, ref: string): Promise<number> {
  const end = await race.begin?.(place, ref)
  const refused = await refusalsOf(race.runners(place, ref))
  await settleWhatIsDue(place, ref)
  const outcome = await outcomeOf(place, ref, refused)
  expect(race.outcomes).toContainEqual(outcome)
  if (end !== undefined) expect(await findResurrections(place, ref, end)).toEqual([])
  await race.end(place, ref)
  return race.outcomes.findIndex(({ status }) => status === outcome.status)
}

/** Runs a race many times; every round has to end in one of its outcomes. Answers how often each came about. */
export async function runRace(place: Place, race: Race, rounds: number): Promise<number[]> {
  const counts = race.outcomes.map(() => 0)
  const keyIds = await makeKeys(place, Math.min(rounds, KEYS_AT_ONCE))
  for (let done = 0; done < rounds; done += keyIds.length) {
    const refs: string[] = []
    for (const keyId of keyIds.slice(0, rounds - done)) refs.push(await race.prepare(place, keyId))
    for (const ref of refs) {
      const which = await runRound(place, race, ref)
      counts[which] = (counts[which] ?? 0) + 1
    }
  }
  return counts
}
