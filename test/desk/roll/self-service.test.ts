import { beforeAll, beforeEach, expect, test } from 'vitest'
import { findRotationEvents } from '../../../src/database/audit/trail.ts'
import { rollBack } from '../../../src/desk/follow-ups/roll-back.ts'
import { retryRotation } from '../../../src/desk/retry.ts'
import { rollKey } from '../../../src/desk/roll.ts'
import { withdrawRotation } from '../../../src/desk/withdraw.ts'
import type { PersonActor } from '../../../src/rules/permissions.ts'
import { openTestDatabase } from '../../support/database.ts'
import { findViolations } from '../../support/invariants.ts'
import { outcome, tally } from '../../support/refusals.ts'
import {
  addMember,
  addService,
  carryOutAll,
  type DeskWorld,
  file,
  makeDeskWorld,
} from '../../support/worlds/desk-world.ts'
import { addSelfService } from '../../support/worlds/self-service.ts'
import { letTimePass, lettersAbout, movesOf, readRotation } from '../../support/worlds/story.ts'

const { db } = await openTestDatabase()
const DAY = 86_400_000
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
  await addMember(db, world.organisationId, 'viewer', 'Vi Ewer')
})

async function ownerChanged(daysAgo: number | null): Promise<void> {
  const passwordChangedAt = daysAgo === null ? null : new Date(Date.now() - daysAgo * DAY)
  await db.updateTable('person').set({ passwordChangedAt }).where('id', '=', world.owner.personId).execute()
}
beforeEach(() => ownerChanged(null))

const roll = (keyId: string, overlapSeconds = 86_400, actor: PersonActor = world.owner) =>
  rollKey(db, actor, keyId, { overlapSeconds })

function unattended(scopes: readonly string[]): PersonActor {
  return { ...world.owner, token: { id: 'tok_machine', scopes, unattended: true, ipRanges: [] } }
}

async function storeToken(): Promise<void> {
  const at = new Date()
  const named = { id: 'tok_machine', personId: world.owner.personId, name: 'nightly', last4: 'abcd' }
  const row = { ...named, tokenHash: Buffer.alloc(32, 1), createdAt: at, expiresAt: new Date(at.getTime() + DAY) }
  await db
    .insertInto('personalToken')
    .values({ ...row, organisationId: world.organisationId })
    .execute()
}

test('an owner rolls a key of a self-service: nobody else approves, the policy is named, the worker makes the new key', async () => {
  const { authKeyId } = await addSelfService(db, world)
  const { ref } = await roll(authKeyId)
  const filed = await readRotation(db, ref)
  expect(filed).toMatchObject({
    status: 'scheduled',
    byPolicy: true,
    byTokenId: null,
    approvalsNeeded: 0,
    approvals: [],
  })
  expect(filed).toMatchObject({ reason: 'scheduled', requester: { id: world.owner.personId }, items: { length: 1 } })
  await carryOutAll(db)
  expect(await movesOf(db, ref)).toEqual([
    'submit→submitted',
    'approve→scheduled',
    'execute→executing',
    'settle→overlap',
  ])
  const events = await findRotationEvents(db, { organisationId: null }, ref)
  const approval = events.find(({ action }) => action === 'rotation.approve')
  expect(approval).toMatchObject({ actor: { name: 'Ada Owner' }, facts: { byPolicy: true } })
  expect(await findViolations(db)).toEqual([])
})

test('everybody who may view keys is mailed the time at which the old key stops, and no agent is asked', async () => {
  const { authKeyId } = await addSelfService(db, world)
  const { ref } = await roll(authKeyId)
  await carryOutAll(db)
  expect(await lettersAbout(db, ref)).toEqual([
    'new-keys-ready: Ada Owner',
    'new-keys-ready: Vi Ewer',
    'received: Ada Owner',
  ])
  const { overlapEndsAt } = (await readRotation(db, ref)).items[0] ?? {}
  const letters = await db.selectFrom('letter').select('facts').where('thread', '=', ref).execute()
  expect(JSON.stringify(letters)).toContain(overlapEndsAt?.toISOString())
})

test('an overlap of zero needs no agent in a self-service: the old key stops when the new one is made', async () => {
  const { authKeyId } = await addSelfService(db, world)
  const { ref } = await roll(authKeyId, 0)
  await carryOutAll(db)
  expect(await readRotation(db, ref)).toMatchObject({ status: 'completed', byPolicy: true })
})

test('a service without self-service is not rolled, nor is a key of another organisation or by anybody but an owner', async () => {
  const plain = await addService(db, world.admin, world.organisationId, 'Without')
  expect(await outcome(roll(plain.authKeyId))).toBe('NOT_SELF_SERVICE')
  const { authKeyId } = await addSelfService(db, world)
  const developer = await addMember(db, world.organisationId, 'developer', 'Dev Eloper')
  expect(await outcome(roll(authKeyId, 60, developer))).toBe('NOT_ALLOWED')
  expect(await outcome(roll(authKeyId, 60, { ...world.owner, organisationId: 'org_other' }))).toBe('NOT_ALLOWED')
  expect(await outcome(roll('key_unknown'))).toBe('NOT_FOUND')
})

test('the desk’s policy counts where the service says nothing', async () => {
  const { authKeyId } = await addService(db, world.admin, world.organisationId, 'As the desk')
  await db.updateTable('policy').set({ selfService: true }).execute()
  expect(await readRotation(db, (await roll(authKeyId)).ref)).toMatchObject({ byPolicy: true })
  await db.updateTable('policy').set({ selfService: false }).execute()
})

test('just after a change of an owner’s account the step-up proves too little, so two agents decide', async () => {
  const { authKeyId } = await addSelfService(db, world)
  await ownerChanged(6.99)
  const { ref } = await roll(authKeyId)
  expect(await readRotation(db, ref)).toMatchObject({ status: 'submitted', byPolicy: false, approvalsNeeded: 2 })
  await withdrawRotation(db, world.owner, ref)
  await ownerChanged(7.01)
  expect(await readRotation(db, (await roll(authKeyId)).ref)).toMatchObject({ status: 'scheduled', byPolicy: true })
  await ownerChanged(1)
  const { authKeyId: other } = await addSelfService(db, world)
  expect(await outcome(roll(other))).toBe('ON_HOLD')
})

test('a request whose services all have self-service needs no agent; with one that has not, agents decide', async () => {
  const [one, two] = [await addSelfService(db, world), await addSelfService(db, world)]
  const plain = await addService(db, world.admin, world.organisationId, 'Mixed in')
  const kinds = ['auth'] as const
  const of = (...ids: string[]) => ({ items: ids.map((serviceId) => ({ serviceId, kinds })) })
  const mixed = await file(db, world.owner, '', of(one.id, plain.id))
  expect(await readRotation(db, mixed)).toMatchObject({ status: 'submitted', byPolicy: false, approvalsNeeded: 1 })
  await withdrawRotation(db, world.owner, mixed)
  const all = await file(db, world.owner, '', { ...of(one.id, two.id), reason: 'compromised' })
  expect(await readRotation(db, all)).toMatchObject({ status: 'scheduled', byPolicy: true })
})

test('what an agent files on behalf is decided by agents, and so are more than 10 keys', async () => {
  const { id } = await addSelfService(db, world)
  const onBehalfOf = { personId: world.owner.personId, verifiedBy: 'Called back.' }
  const onBehalf = await file(db, world.agent, id, { onBehalfOf })
  expect(await readRotation(db, onBehalf)).toMatchObject({ status: 'submitted', approvalsNeeded: 2 })
  const many = await Promise.all(Array.from({ length: 6 }, () => addSelfService(db, world)))
  const items = many.map((service) => ({ serviceId: service.id, kinds: ['auth', 'admin'] as const }))
  const large = await file(db, world.owner, '', { items })
  expect(await readRotation(db, large)).toMatchObject({ status: 'submitted', approvalsNeeded: 2 })
})

test('an unattended token that may roll keys is named as the approval; one that may only file gets agents to decide', async () => {
  await storeToken()
  const { authKeyId, adminKeyId } = await addSelfService(db, world)
  const { ref } = await roll(authKeyId, 60, unattended(['keys:roll']))
  expect(await readRotation(db, ref)).toMatchObject({ status: 'scheduled', byPolicy: true, byTokenId: 'tok_machine' })
  const filed = await file(db, unattended(['rotations:file']), '', { items: [{ keyId: adminKeyId }] })
  expect(await readRotation(db, filed)).toMatchObject({ status: 'submitted', byPolicy: false, byTokenId: null })
  const { authKeyId: other } = await addSelfService(db, world)
  expect(await outcome(roll(other, 60, unattended(['rotations:file'])))).toBe('NOT_IN_SCOPE')
  expect(await outcome(file(db, unattended(['keys:roll']), '', { items: [{ keyId: other }] }))).toBe('NOT_IN_SCOPE')
})

test('of rolls of one key at the same moment one counts', async () => {
  for (let round = 0; round < 20; round += 1) {
    const { authKeyId } = await addSelfService(db, world)
    expect(await tally([roll(authKeyId), roll(authKeyId)])).toEqual({ done: 1, ROTATION_IN_PROGRESS: 1 })
  }
})

test('the policy’s approval goes stale like an agent’s, and then agents decide', async () => {
  const { id } = await addSelfService(db, world)
  const ref = await file(db, world.owner, id, { notBefore: new Date(Date.now() + DAY) })
  await letTimePass(db, ref, 9 * DAY)
  await carryOutAll(db)
  expect((await readRotation(db, ref)).status).toBe('needs_attention')
  await retryRotation(db, world.agent, ref)
  expect(await readRotation(db, ref)).toMatchObject({ status: 'submitted', byPolicy: false, approvalsNeeded: 1 })
})

test('going back deletes the new key and keeps the old one, and everybody who may view keys is told', async () => {
  const { authKeyId } = await addSelfService(db, world)
  const { ref } = await roll(authKeyId)
  await carryOutAll(db)
  await rollBack(db, world.owner, ref)
  expect(await readRotation(db, ref)).toMatchObject({
    status: 'rolled_back',
    items: [{ oldVersion: { accepted: true }, newVersion: { accepted: false } }],
  })
  expect(await lettersAbout(db, ref, 'rolled-back')).toEqual([
    'rolled-back: Ada Owner',
    'rolled-back: Dev Eloper',
    'rolled-back: Vi Ewer',
  ])
  expect(await findViolations(db)).toEqual([])
})
