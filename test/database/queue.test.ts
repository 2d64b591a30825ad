import { beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/database/ids.ts'
import { countViews } from '../../src/database/queue/counts.ts'
import { findNextToDecide } from '../../src/database/queue/next.ts'
import { findQueueRefs } from '../../src/database/queue/page.ts'
import { type Decider, QUEUE_VIEWS, type QueueView } from '../../src/database/queue/tiers.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import type { PersonActor } from '../../src/rules/permissions.ts'
import { mayDecide } from '../../src/rules/rotations/approvals.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome } from '../support/refusals.ts'
import {
  addMember,
  addOrganisation,
  addService,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
} from '../support/worlds/desk-world.ts'

const DAY = 86_400_000
const { db } = await openTestDatabase()
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

function decider({ personId, role }: PersonActor): Decider {
  return { personId, role: role === 'admin' ? 'admin' : 'agent' }
}

async function newService(): Promise<string> {
  count += 1
  return (await addService(db, world.admin, world.organisationId, `Service ${count}`)).id
}

async function dueIn(ref: string, days: number): Promise<string> {
  const nextDeadline = new Date(Date.now() + days * DAY)
  await db.updateTable('rotation').set({ nextDeadline }).where('ref', '=', ref).execute()
  return ref
}

/** The whole view, read in pages of so many. */
async function read(actor: PersonActor, view: QueueView, limit: number, between: () => Promise<void> = async () => {}) {
  const refs: string[] = []
  let cursor: string | undefined
  do {
    const page = await findQueueRefs(db, decider(actor), { view, filter: {}, cursor, limit })
    refs.push(...page.items)
    cursor = page.nextCursor ?? undefined
    await between()
  } while (cursor !== undefined)
  return refs
}

describe('what needs a decision', () => {
  let wanted: string[]
  let approved: string[]
  let extension: string

  beforeAll(async () => {
    const filed = async (days: number, filing = {}) =>
      dueIn(await file(db, world.owner, await newService(), filing), days)
    const two = { overlapSeconds: 0 }
    const later = await filed(9)
    const leakedLater = await filed(8, { reason: 'compromised' })
    const soon = await filed(1)
    const leakedSoon = await filed(7, { reason: 'compromised' })
    const between = await filed(5)
    approved = [await filed(0.5, two), await filed(0.6, two)]
    for (const ref of approved) await approveRotation(db, world.agent, ref, { revision: 1 })
    extension = await dueIn(await fileAndApprove(db, world, await newService()), 6)
    const asked = { id: newId('followUp'), rotationRef: extension, organisationId: world.organisationId }
    const requestedAt = new Date()
    const row = { ...asked, type: 'extension' as const, status: 'requested' as const, itemIds: [], approvalsNeeded: 1 }
    await db
      .insertInto('followUp')
      .values({ ...row, requestedBy: world.owner.personId, requestedAt })
      .execute()
    wanted = [leakedSoon, leakedLater, extension, soon, between, later, ...approved]
  })

  test.each([1, 2, 3, 100])('is mine first, leaked keys first, then by deadline, over pages of %i', async (limit) => {
    expect(await read(world.agent, 'decide', limit)).toEqual(wanted)
    const forOther = [...wanted.slice(0, 3), ...approved, ...wanted.slice(3, 6)]
    expect(await read(world.otherAgent, 'decide', limit)).toEqual(forOther)
  })

  test('shows nothing twice and skips nothing while others file', async () => {
    const seen = await read(world.agent, 'decide', 2, async () => {
      await file(db, world.owner, await newService())
    })
    expect(seen.filter((ref) => wanted.includes(ref))).toEqual(wanted)
    expect(new Set(seen).size).toBe(seen.length)
  })

  test('is counted, and what is mine of it', async () => {
    const { decide, mine, scheduled, running } = await countViews(db, decider(world.agent), {})
    expect(decide - mine).toBe(approved.length)
    expect({ scheduled, running }).toEqual({ scheduled: 1, running: 0 })
    const ofAdmin = await countViews(db, decider(world.admin), {})
    expect({ decide: ofAdmin.decide, mine: ofAdmin.mine }).toEqual({ decide, mine: 0 })
    const nobodyHas = await countViews(db, decider(world.agent), { assigneeId: world.agent.personId })
    expect(nobodyHas.decide).toBe(0)
  })

  test('leads from each to the next that I may decide, and around', async () => {
    const mine = (await read(world.agent, 'decide', 100)).slice(0, -approved.length)
    let ref = await findNextToDecide(db, decider(world.agent), null)
    const walked: (string | null)[] = []
    for (const _ of mine) {
      walked.push(ref)
      ref = await findNextToDecide(db, decider(world.agent), ref)
    }
    expect(walked).toEqual(mine)
    expect(ref).toBe(mine[0])
    expect(await findNextToDecide(db, decider(world.admin), null)).toBeNull()
  })

  test('goes on where it was after one is decided', async () => {
    const refs: string[] = []
    // As they are filed: each is due 14 days from then.
    for (let i = 0; i < 3; i++) refs.push(await file(db, world.owner, await newService()))
    const [first = '', second = '', third = ''] = refs
    await approveRotation(db, world.agent, second, { revision: 1 })
    expect(await findNextToDecide(db, decider(world.agent), first)).toBe(third)
    expect(await findNextToDecide(db, decider(world.agent), second)).toBe(third)
  })
})

test('the queue calls mine exactly what the rule lets me decide', async () => {
  const organisationId = await addOrganisation(db, 'Both sides')
  const owner = await addMember(db, organisationId, 'owner', 'Bo Owner')
  const service = () => addService(db, world.admin, organisationId, `Both ${count++}`)
  const refs = [await file(db, owner, (await service()).id), await file(db, owner, (await service()).id)]
  const [own = '', onBehalf = ''] = refs
  await db.updateTable('rotation').set({ filedById: world.agent.personId }).where('ref', '=', onBehalf).execute()
  const staff = [world.agent, world.otherAgent, world.admin]
  await db
    .insertInto('membership')
    .values({ personId: world.otherAgent.personId, organisationId, role: 'viewer', createdAt: new Date() })
    .execute()
  const memberships = await db.selectFrom('membership').selectAll().execute()
  for (const actor of staff) {
    const all = await findQueueRefs(db, decider(actor), { view: 'decide', filter: { organisationId }, limit: 100 })
    const { mine } = await countViews(db, decider(actor), { organisationId })
    const organisationIds = memberships
      .filter((row) => row.personId === actor.personId)
      .map((row) => row.organisationId)
    const person = { id: actor.personId, staffRole: decider(actor).role, organisationIds }
    const rows = await db.selectFrom('rotation').selectAll().where('ref', 'in', refs).execute()
    const may = rows.filter((row) => mayDecide(person, row)).map((row) => row.ref)
    expect(all.items.slice(0, mine), actor.name).toEqual(may)
  }
  expect(await outcome(approveRotation(db, world.agent, onBehalf, { revision: 1 }))).toBe('OWN_ROTATION')
  expect(await outcome(approveRotation(db, world.agent, own, { revision: 1 }))).toBe('done')
})

test('every view holds what its name says, and a cursor of another view leads nowhere', async () => {
  const ref = await fileAndApprove(db, world, await newService())
  for (const view of QUEUE_VIEWS) {
    const refs = await read(world.agent, view, 100)
    expect(refs.includes(ref), view).toBe(view === 'scheduled' || view === 'all')
  }
  const wrong = findQueueRefs(db, decider(world.agent), { view: 'all', filter: {}, cursor: 'nonsense', limit: 1 })
  expect(await outcome(wrong)).toBe('INVALID_REQUEST')
})
