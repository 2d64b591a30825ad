import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { answerQuestion } from '../../../src/desk/conversation/answer.ts'
import { askCustomer } from '../../../src/desk/conversation/ask.ts'
import { extendOverlap } from '../../../src/desk/follow-ups/extend.ts'
import { submitRotation } from '../../../src/desk/submit.ts'
import { DAY_SECONDS, MAX_OVERLAP_SECONDS } from '../../../src/rules/rotations/overlap.ts'
import { openTestDatabase } from '../../support/database.ts'
import { refusalOf } from '../../support/refusals.ts'
import {
  addService,
  carryOutAll,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
} from '../../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

let service: DeskWorld['service']
let other: DeskWorld['service']
beforeEach(async () => {
  count += 1
  service = await addService(db, world.admin, world.organisationId, `Service ${count}`)
  other = await addService(db, world.admin, world.organisationId, `Other ${count}`)
})

type Terms = Partial<{
  longestOverlapSeconds: number
  overlapByReason: string
  approvalsNeeded: number
  cooldownSeconds: number
  filingRanges: string[]
}>

async function set(serviceId: string, terms: Terms): Promise<void> {
  await db
    .insertInto('servicePolicy')
    .values({ serviceId, ...terms })
    .execute()
}

function rotationOf(ref: string) {
  return db.selectFrom('rotation').selectAll().where('ref', '=', ref).executeTakeFirstOrThrow()
}

describe('the longest overlap', () => {
  test('of a service stops a longer one, and is what a filing gets that says none', async () => {
    await set(service.id, { longestOverlapSeconds: 7 * DAY_SECONDS })
    const long = file(db, world.owner, service.id, { overlapSeconds: 7 * DAY_SECONDS + 1 })
    expect((await refusalOf(long)).message).toContain('at most 7 days')
    const ref = await file(db, world.owner, service.id, { overlapSeconds: undefined })
    expect((await rotationOf(ref)).overlapSeconds).toBe(7 * DAY_SECONDS)
    const free = await file(db, world.owner, other.id, { overlapSeconds: undefined })
    expect((await rotationOf(free)).overlapSeconds).toBe(MAX_OVERLAP_SECONDS)
  })

  test('for a reason holds for that reason alone', async () => {
    await set(service.id, { overlapByReason: JSON.stringify({ compromised: 3600 }) })
    const leaked = { reason: 'compromised', overlapSeconds: 3601 } as const
    expect((await refusalOf(file(db, world.owner, service.id, leaked))).code).toBe('OVERLAP_TOO_LONG')
    await file(db, world.owner, service.id, { reason: 'lost', overlapSeconds: 3601 })
  })

  test('of several services is the shortest', async () => {
    await set(service.id, { longestOverlapSeconds: 60 })
    const items = [service, other].map(({ id }) => ({ serviceId: id, kinds: ['auth'] as const }))
    const both = submitRotation(db, world.owner, { items, reason: 'scheduled', overlapSeconds: 61 })
    expect((await refusalOf(both)).code).toBe('OVERLAP_TOO_LONG')
  })

  test('holds for what an answer changes, as it was when it was filed', async () => {
    await set(service.id, { overlapByReason: JSON.stringify({ compromised: 60 }) })
    const ref = await file(db, world.owner, service.id, { overlapSeconds: 3600 })
    await db.deleteFrom('servicePolicy').where('serviceId', '=', service.id).execute()
    await askCustomer(db, world.agent, ref, { revision: 1, message: 'Was it leaked?' })
    const changes = { reason: 'compromised' } as const
    const leaked = answerQuestion(db, world.owner, ref, { message: 'Yes.', changes })
    expect((await refusalOf(leaked)).code).toBe('OVERLAP_TOO_LONG')
    await answerQuestion(db, world.owner, ref, { message: 'Yes.', changes: { ...changes, overlapSeconds: 60 } })
  })

  test('is as far as more time is given without an agent', async () => {
    await set(service.id, { longestOverlapSeconds: 7 * DAY_SECONDS })
    const ref = await fileAndApprove(db, world, service.id, { overlapSeconds: DAY_SECONDS })
    await carryOutAll(db)
    const items = await db.selectFrom('item').selectAll().where('rotationRef', '=', ref).orderBy('position').execute()
    const [first, second] = items.map((item) => ({ id: item.id, at: item.generatedAt?.getTime() ?? 0 }))
    if (first === undefined || second === undefined) throw new Error('nothing was made')
    const seven = new Date(first.at + 7 * DAY_SECONDS * 1000)
    const wish = { overlapEndsAt: seven, itemIds: [first.id] }
    expect(await extendOverlap(db, world.owner, ref, wish)).toMatchObject({ status: 'done' })
    const later = { overlapEndsAt: new Date(second.at + 7 * DAY_SECONDS * 1000 + 1), itemIds: [second.id] }
    expect(await extendOverlap(db, world.owner, ref, later)).toMatchObject({ status: 'requested' })
  })
})

test('a policy of two approvals is what a filing needs at least', async () => {
  await set(service.id, { approvalsNeeded: 2 })
  expect((await rotationOf(await file(db, world.owner, service.id))).approvalsNeeded).toBe(2)
  expect((await rotationOf(await file(db, world.owner, other.id))).approvalsNeeded).toBe(1)
})

describe('a cooldown', () => {
  test('is kept with each item, as its own service has it', async () => {
    await set(service.id, { cooldownSeconds: 3600 })
    const items = [service, other].map(({ id }) => ({ serviceId: id, kinds: ['auth'] as const }))
    const { ref } = await submitRotation(db, world.owner, { items, reason: 'scheduled', overlapSeconds: 3600 })
    const kept = await db.selectFrom('item').selectAll().where('rotationRef', '=', ref).orderBy('position').execute()
    expect(kept.map((item) => item.cooldownSeconds)).toEqual([3600, 0])
  })

  test('longer than the overlap is refused, but for a leak, which skips it', async () => {
    await set(service.id, { cooldownSeconds: 3601 })
    expect((await refusalOf(file(db, world.owner, service.id, { overlapSeconds: 3600 }))).code).toBe(
      'COOLDOWN_TOO_LONG',
    )
    await file(db, world.owner, service.id, { reason: 'compromised', overlapSeconds: 0 })
  })
})

describe('the addresses to file from', () => {
  test('bind the people of the organisation and not the staff', async () => {
    await set(service.id, { filingRanges: ['192.0.2.0/24'] })
    const from = (address: string) => file(db, { ...world.owner, address }, service.id)
    expect((await refusalOf(from('198.51.100.1'))).code).toBe('NOT_FROM_HERE')
    expect((await refusalOf(file(db, world.owner, service.id))).code).toBe('NOT_FROM_HERE')
    await from('192.0.2.9')
    await set(other.id, { filingRanges: ['192.0.2.0/24'] })
    const onBehalfOf = { personId: world.owner.personId, verifiedBy: 'Called back.' }
    await file(db, { ...world.agent, address: '198.51.100.1' }, other.id, { onBehalfOf })
  })
})
