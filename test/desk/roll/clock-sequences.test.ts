import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { extendOverlap } from '../../../src/desk/follow-ups/extend.ts'
import { revokeEarly } from '../../../src/desk/follow-ups/revoke-early.ts'
import { rollBack } from '../../../src/desk/follow-ups/roll-back.ts'
import { Refusal } from '../../../src/rules/refusals.ts'
import { OVERLAP_ENDS, type OverlapEnds } from '../../../src/rules/rotations/overlap.ts'
import { openTestDatabase } from '../../support/database.ts'
import { findViolations } from '../../support/invariants.ts'
import { makeClockWorld, passTime, type Rolled } from '../../support/worlds/clocks.ts'
import { type DeskWorld, makeDeskWorld } from '../../support/worlds/desk-world.ts'

const { db, pool } = await openTestDatabase()
const HOUR = 3_600_000
const CAP = 30 * 24 * HOUR
let world: DeskWorld
let clocks: Awaited<ReturnType<typeof makeClockWorld>>

beforeAll(async () => {
  world = await makeDeskWorld(db)
  clocks = await makeClockWorld(db, pool, world)
})

/** Hours, so that what the test itself takes decides nothing: all that is counted is more than a minute apart. */
const hours = (max: number) => fc.integer({ min: 0, max })
const start = fc.record({
  overlapEnds: fc.constantFrom('on_first_use', 'on_pickup', ...OVERLAP_ENDS),
  overlap: fc.integer({ min: 3, max: 12 }),
  grace: hours(3),
  cooldown: hours(2),
})
// A stop is planned between the hours, so that it never falls together with an end that the test reached some milliseconds late.
const step = fc.oneof(
  fc.constant({ does: 'use' as const, hours: 0 }),
  fc.constant({ does: 'use_old' as const, hours: 0 }),
  fc.constant({ does: 'pick_up' as const, hours: 0 }),
  fc.record({ does: fc.constant('extend' as const), hours: fc.oneof(hours(15), hours(800)) }),
  fc.record({ does: fc.constant('revoke' as const), hours: fc.constantFrom(0, 1.5, 3.5) }),
  fc.constant({ does: 'roll_back' as const, hours: 0 }),
  fc.record({ does: fc.constant('pass' as const), hours: fc.integer({ min: 1, max: 4 }) }),
)
type Step = { does: 'use' | 'use_old' | 'pick_up' | 'extend' | 'revoke' | 'roll_back' | 'pass'; hours: number }

/** What must be so; times are milliseconds since the new version was made. */
class Model {
  now = 0
  end: number
  waitsFor: OverlapEnds
  pickedUp = false
  extended = false
  asked = false
  planned: number | null = null
  over: 'revoked' | 'rolled_back' | null = null
  readonly begins: number
  readonly grace: number

  constructor({
    overlapEnds,
    overlap,
    grace,
    cooldown,
  }: { overlapEnds: OverlapEnds; overlap: number; grace: number; cooldown: number }) {
    this.end = overlap * HOUR
    this.waitsFor = overlapEnds
    this.grace = overlapEnds === 'at_end' ? 0 : grace * HOUR
    this.begins = cooldown * HOUR
  }

  get stops(): number {
    return Math.min(this.end, this.planned ?? this.end)
  }
  get oldWorks(): boolean {
    return this.over !== 'revoked' && (this.over === 'rolled_back' || this.now < this.stops)
  }
  get newWorks(): boolean {
    return this.over !== 'rolled_back' && this.now >= this.begins
  }
  get open(): boolean {
    return this.over === null && this.now < this.stops
  }

  happens(event: OverlapEnds): void {
    if (!this.open || this.waitsFor !== event) return
    this.waitsFor = 'at_end'
    const end = Math.max(this.now, this.begins) + this.grace
    if (end < this.stops) this.end = end
  }

  /** What the step does here, and whether the desk has to let it. */
  take({ does, hours }: Step): boolean {
    const at = this.now + hours * HOUR
    switch (does) {
      case 'pass':
        this.now = at
        return true
      case 'use':
        if (this.newWorks) this.happens('on_first_use')
        return true
      case 'use_old':
        return true
      case 'pick_up': {
        if (this.pickedUp || this.over === 'rolled_back') return false
        this.pickedUp = true
        this.happens('on_pickup')
        return true
      }
      case 'extend': {
        const gains = at > this.end || (at === this.end && this.waitsFor !== 'at_end')
        if (!this.open || this.planned !== null || !gains || at > CAP) return false
        // The second one waits for an agent and changes nothing, and there is no third beside it.
        if (this.asked) return false
        if (this.extended) this.asked = true
        else [this.end, this.waitsFor] = [at, 'at_end']
        this.extended = true
        return true
      }
      case 'revoke': {
        if (!this.open || at < this.begins || (hours > 0 && (this.planned !== null || at >= this.stops))) return false
        if (hours > 0) this.planned = at
        else this.over = 'revoked'
        return true
      }
      case 'roll_back': {
        if (!this.open || this.planned !== null) return false
        this.over = 'rolled_back'
        return true
      }
    }
  }
}

async function carryOut(rolled: Rolled, { does, hours }: Step, elapsed: number): Promise<void> {
  const { rows } = await pool.query<{ at: Date }>('select generated_at as at from item where id = $1', [rolled.itemId])
  // Counted from the generation, as the model does: a moment too early where the test itself took time, never one too late.
  const at = new Date((rows[0]?.at.getTime() ?? 0) + elapsed + hours * HOUR)
  if (does === 'pass') return passTime(db, rolled, hours * HOUR)
  if (does === 'use') return void (await clocks.use(rolled.madeId))
  if (does === 'use_old') return void (await clocks.use(rolled.oldId))
  if (does === 'pick_up') return void (await clocks.pickUp(rolled.madeId))
  if (does === 'extend') return void (await extendOverlap(db, world.owner, rolled.ref, { overlapEndsAt: at }))
  if (does === 'revoke') return void (await revokeEarly(db, world.owner, rolled.ref, hours === 0 ? {} : { at }))
  await rollBack(db, world.owner, rolled.ref)
}

/** Whether the desk let it; what is no refusal of its own is thrown on. */
async function isLet(call: Promise<void>): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}

test('whatever is used, picked up, extended, revoked or taken back, in whatever order, both versions work exactly as the rules say', async () => {
  const sequence = fc.record({ start, steps: fc.array(step, { minLength: 3, maxLength: 8 }) })
  await fc.assert(
    fc.asyncProperty(sequence, async ({ start, steps }) => {
      const model = new Model(start)
      const graceSeconds = start.overlapEnds === 'at_end' ? 0 : start.grace * 3_600
      const wish = { overlapEnds: start.overlapEnds, graceSeconds, cooldownSeconds: start.cooldown * 3_600 }
      const rolled = await clocks.roll({ overlapSeconds: start.overlap * 3_600, ...wish })
      for (const step of steps) {
        const before = model.stops
        const may = model.take(step)
        expect(await isLet(carryOut(rolled, step, model.now - (step.does === 'pass' ? step.hours * HOUR : 0)))).toBe(
          may,
        )
        const [old, made] = [await clocks.use(rolled.oldId), await stateOf(rolled.madeId)]
        expect([old.valid, made]).toEqual([model.oldWorks, model.newWorks])
        expect(model.oldWorks || model.newWorks).toBe(true)
        if (step.does !== 'extend') expect(model.stops).toBeLessThanOrEqual(before)
        expect(model.stops).toBeLessThanOrEqual(CAP)
      }
    }),
    { numRuns: 40, seed: 7 },
  )
  expect(await findViolations(db)).toEqual([])
}, 120_000)

/** Whether a version is accepted, without using it. */
async function stateOf(versionId: string): Promise<boolean> {
  const { rows } = await pool.query<{ accepted: boolean }>(
    `select active_from <= clock_timestamp() and rolled_back_at is null and revoked_at is null
      and (accepted_until is null or accepted_until > clock_timestamp()) as accepted from version where id = $1`,
    [versionId],
  )
  return rows[0]?.accepted ?? false
}
