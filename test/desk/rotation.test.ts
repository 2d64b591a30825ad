import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { findRotationEvents } from '../../src/database/audit/trail.ts'
import { findRotation, findRotations } from '../../src/database/rotations/views.ts'
import { carryOutNextDue } from '../../src/desk/carry-out.ts'
import { approveRotation, rejectRotation } from '../../src/desk/decide.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { withdrawRotation } from '../../src/desk/withdraw.ts'
import { setKeyEnabled } from '../../src/keyring/keys/switch.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import {
  addMember,
  addOrganisation,
  addService,
  carryOutAll,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
  maker,
} from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function newService(): Promise<string> {
  count += 1
  return (await addService(db, world.admin, world.organisationId, `Service ${count}`)).id
}

async function read(ref: string) {
  const rotation = await findRotation(db, world.owner, ref)
  if (rotation === undefined) throw new Error(`${ref} is not there`)
  return rotation
}

async function letters(ref: string): Promise<string[]> {
  const rows = await db.selectFrom('letter').select('kind').where('thread', '=', ref).orderBy('id').execute()
  return [...new Set(rows.map((row) => row.kind))]
}

/** As if the time since had passed: clock tests shift what is stored. */
async function endOverlap(ref: string): Promise<void> {
  const past = new Date(Date.now() - 1000)
  const items = await db.selectFrom('item').selectAll().where('rotationRef', '=', ref).execute()
  for (const item of items) {
    await db.updateTable('version').set({ acceptedUntil: past }).where('id', '=', item.oldVersionId).execute()
    await db.updateTable('item').set({ overlapEndsAt: past, dueAt: past }).where('id', '=', item.id).execute()
  }
}

test('a rotation goes from filed to completed, with one new version per key and a letter at each step', async () => {
  const ref = await file(db, world.owner, await newService())
  expect(await read(ref)).toMatchObject({ status: 'submitted', revision: 1, approvalsNeeded: 1 })
  expect(await carryOutNextDue(db, maker)).toBe(false)

  await approveRotation(db, world.agent, ref, { revision: 1, note: 'Fine.' })
  expect(await read(ref)).toMatchObject({ status: 'scheduled', approvals: [{ by: { name: 'Gus Agent' } }] })

  await carryOutAll(db)
  const running = await read(ref)
  expect(running.status).toBe('overlap')
  for (const item of running.items) {
    expect(item.status).toBe('overlap')
    expect(Number(item.overlapEndsAt) - Number(item.generatedAt)).toBe(86_400_000)
    expect(item.newVersion).toMatchObject({ sealed: true, acceptedUntil: null })
    expect(item.oldVersion?.acceptedUntil).toEqual(item.overlapEndsAt)
  }

  await endOverlap(ref)
  await carryOutAll(db)
  const done = await read(ref)
  expect(done).toMatchObject({ status: 'completed', nextDeadline: null })
  expect(done.items.map((item) => item.status)).toEqual(['retired', 'retired'])
  expect(await letters(ref)).toEqual(['received', 'approval-needed', 'approved', 'new-keys-ready', 'completed'])
  const events = (await findRotationEvents(db, world.owner, ref)).map((event) => event.action)
  expect(events.filter((action) => action.startsWith('rotation.'))).toEqual([
    'rotation.submit',
    'rotation.approve',
    'rotation.execute',
    'rotation.settle',
    'rotation.settle',
  ])
})

test('a rotation with a start ahead waits for it', async () => {
  const notBefore = new Date(Date.now() + 3_600_000)
  const ref = await fileAndApprove(db, world, await newService(), { notBefore })
  await carryOutAll(db)
  expect(await read(ref)).toMatchObject({ status: 'scheduled', notBefore, nextDeadline: notBefore })
})

test('an early revocation ends the old version at once and leaves the bookkeeping to the worker', async () => {
  const ref = await fileAndApprove(db, world, await newService())
  await carryOutAll(db)
  const { followUpId } = await revokeEarly(db, world.owner, ref, {})
  const old = (await read(ref)).items.map((item) => item.oldVersion?.revokedAt)
  expect(old.every((at) => at instanceof Date)).toBe(true)
  await expect(revokeEarly(db, world.owner, ref, {})).rejects.toMatchObject({ code: 'ILLEGAL_MOVE' })

  await carryOutAll(db)
  expect(await read(ref)).toMatchObject({ status: 'completed', followUps: [{ id: followUpId, status: 'done' }] })
  expect(await letters(ref)).toContain('old-key-revoked')
})

test('a planned early revocation counts from its time on and is carried out then', async () => {
  const ref = await fileAndApprove(db, world, await newService())
  await carryOutAll(db)
  const [first] = (await read(ref)).items
  const at = new Date(Date.now() + 60_000)
  await revokeEarly(db, world.owner, ref, { itemIds: [first?.id ?? ''], at })
  const planned = await read(ref)
  expect(planned.followUps).toMatchObject([{ status: 'requested', at }])
  expect(planned.items[0]?.overlapEndsAt).toEqual(at)

  const past = new Date(Date.now() - 1000)
  await db
    .updateTable('version')
    .set({ revokeFrom: past })
    .where('id', '=', first?.oldVersionId ?? '')
    .execute()
  await db
    .updateTable('item')
    .set({ dueAt: past })
    .where('id', '=', first?.id ?? '')
    .execute()
  await db.updateTable('followUp').set({ at: past }).where('rotationRef', '=', ref).execute()
  await carryOutAll(db)
  const after = await read(ref)
  expect(after.items.map((item) => item.status)).toEqual(['retired', 'overlap'])
  expect(after).toMatchObject({ status: 'overlap', followUps: [{ status: 'done' }] })
})

test('an early revocation after the end that the key has anyway is refused', async () => {
  const ref = await fileAndApprove(db, world, await newService(), { overlapSeconds: 60 })
  await carryOutAll(db)
  const late = revokeEarly(db, world.owner, ref, { at: new Date(Date.now() + 3_600_000) })
  await expect(late).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
})

test('with an overlap of zero the old version ends when the new one is made', async () => {
  const ref = await file(db, world.owner, await newService(), { overlapSeconds: 0, reason: 'compromised' })
  await approveRotation(db, world.agent, ref, { revision: 1 })
  await carryOutAll(db)
  expect(await read(ref)).toMatchObject({ status: 'completed' })
})

test('a zero overlap for another reason needs two approvals, of two agents', async () => {
  const ref = await file(db, world.owner, await newService(), { overlapSeconds: 0 })
  await approveRotation(db, world.agent, ref, { revision: 1 })
  expect(await read(ref)).toMatchObject({ status: 'submitted', approvalsNeeded: 2 })
  const again = approveRotation(db, world.agent, ref, { revision: 1 })
  await expect(again).rejects.toMatchObject({ code: 'ALREADY_APPROVED' })
  await approveRotation(db, world.otherAgent, ref, { revision: 1 })
  expect(await read(ref)).toMatchObject({ status: 'scheduled' })
})

test('a key in a live rotation cannot be filed again until that one has ended', async () => {
  const serviceId = await newService()
  const ref = await file(db, world.owner, serviceId)
  await expect(file(db, world.owner, serviceId)).rejects.toMatchObject({
    code: 'ROTATION_IN_PROGRESS',
    message: expect.stringContaining(ref),
  })
  await withdrawRotation(db, world.owner, ref)
  expect(await read(ref)).toMatchObject({ status: 'withdrawn' })
  expect(await letters(ref)).toContain('withdrawn')
  await file(db, world.owner, serviceId)
})

test('a rejected rotation keeps its reason, tells the requester and frees the keys', async () => {
  const serviceId = await newService()
  const ref = await file(db, world.owner, serviceId)
  await rejectRotation(db, world.agent, ref, { revision: 1, reason: 'Call us first.' })
  expect(await read(ref)).toMatchObject({ status: 'rejected', decisionReason: 'Call us first.' })
  expect(await letters(ref)).toContain('rejected')
  await file(db, world.owner, serviceId)
})

test('a decision on a revision that is no longer the one there is refused', async () => {
  const ref = await file(db, world.owner, await newService())
  await expect(approveRotation(db, world.agent, ref, { revision: 2 })).rejects.toMatchObject({ code: 'STALE_REVISION' })
  const rejection = rejectRotation(db, world.agent, ref, { revision: 2, reason: 'no' })
  await expect(rejection).rejects.toMatchObject({ code: 'STALE_REVISION' })
})

test('nobody decides a rotation of an organisation that they belong to', async () => {
  const ref = await file(db, world.owner, await newService())
  await db
    .insertInto('membership')
    .values({
      personId: world.otherAgent.personId,
      organisationId: world.organisationId,
      role: 'viewer',
      createdAt: new Date(),
    })
    .execute()
  const own = approveRotation(db, world.otherAgent, ref, { revision: 1 })
  await expect(own).rejects.toMatchObject({ code: 'OWN_ROTATION' })
  const rejection = rejectRotation(db, world.otherAgent, ref, { revision: 1, reason: 'no' })
  await expect(rejection).rejects.toMatchObject({ code: 'OWN_ROTATION' })
  await db.deleteFrom('membership').where('personId', '=', world.otherAgent.personId).execute()
})

test('another organisation neither sees, decides nor ends a rotation', async () => {
  const ref = await fileAndApprove(db, world, await newService())
  const stranger = await addMember(db, await addOrganisation(db, 'Globex'), 'owner', 'Eve Owner')
  expect(await findRotation(db, stranger, ref)).toBeUndefined()
  expect((await findRotations(db, stranger, { limit: 10 })).items).toEqual([])
  expect(await findRotationEvents(db, stranger, ref)).toEqual([])
  await expect(withdrawRotation(db, stranger, ref)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(revokeEarly(db, stranger, ref, {})).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(file(db, stranger, world.service.id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('a key that was disabled meanwhile is skipped, the others go on', async () => {
  const { id, authKeyId } = await addService(db, world.admin, world.organisationId, 'Disabled later')
  const ref = await fileAndApprove(db, world, id)
  await setKeyEnabled(db, world.owner, authKeyId, false)
  await carryOutAll(db)
  const rotation = await read(ref)
  expect(rotation.status).toBe('overlap')
  expect(rotation.items.map((item) => item.status).toSorted()).toEqual(['overlap', 'skipped'])
})

test('a version that ends by itself within the overlap is refused when filing and failed when executing', async () => {
  const { id, authKeyId } = await addService(db, world.admin, world.organisationId, 'Expiring')
  const ref = await fileAndApprove(db, world, id)
  const ownEnd = new Date(Date.now() + 3_600_000)
  await db.updateTable('version').set({ ownEnd, acceptedUntil: ownEnd }).where('keyId', '=', authKeyId).execute()
  await carryOutAll(db)
  const rotation = await read(ref)
  expect(rotation.status).toBe('needs_attention')
  expect(rotation.items.find((item) => item.kind === 'auth')).toMatchObject({ status: 'failed' })
  expect(rotation.items.find((item) => item.kind === 'admin')).toMatchObject({ status: 'overlap' })

  const other = await addService(db, world.admin, world.organisationId, 'Expiring too')
  await db.updateTable('version').set({ ownEnd, acceptedUntil: ownEnd }).where('keyId', '=', other.authKeyId).execute()
  await expect(file(db, world.owner, other.id)).rejects.toMatchObject({ code: 'EXPIRES_IN_OVERLAP' })
})

test('an item whose work always fails is put off, holds up no other, and goes on when the fault is over', async () => {
  const { id, authKeyId } = await addService(db, world.admin, world.organisationId, 'Poisoned')
  const ref = await fileAndApprove(db, world, id)
  const broken = {
    ...maker,
    sealer: {
      ...maker.sealer,
      seal(text: string, boundTo: string) {
        if (boundTo.includes(authKeyId)) throw new Error('the seal broke')
        return maker.sealer.seal(text, boundTo)
      },
    },
  }
  const failures: unknown[] = []
  for (let i = 0; i < 4; i++) await carryOutNextDue(db, broken).catch((error) => failures.push(error))
  expect(failures).toContainEqual(new Error('the seal broke'))
  const held = await read(ref)
  expect(held.status).toBe('executing')
  const byKind = Object.fromEntries(held.items.map((item) => [item.kind, [item.status, item.problem]]))
  expect(byKind).toEqual({ auth: ['pending', null], admin: ['overlap', null] })
  await db.updateTable('item').set({ dueAt: new Date() }).where('keyId', '=', authKeyId).execute()
  await carryOutAll(db)
  expect((await read(ref)).status).toBe('overlap')
})

test('bookkeeping that has failed for days is still put off, so that it holds up no other', async () => {
  const ref = await fileAndApprove(db, world, await newService())
  await carryOutAll(db)
  await db
    .updateTable('item')
    .set({ dueAt: new Date(Date.now() - 1_000), attempts: 2_000 })
    .where('rotationRef', '=', ref)
    .execute()
  const breakOff = () => {
    throw new Error('killed')
  }
  await expect(carryOutNextDue(db, maker, breakOff)).rejects.toThrow('killed')
  expect(await carryOutNextDue(db, maker)).toBe(false)
  const items = await db.selectFrom('item').select('dueAt').where('rotationRef', '=', ref).execute()
  for (const { dueAt } of items) expect(Number(dueAt) - Date.now()).toBeGreaterThan(30_000)
  await db.updateTable('item').set({ dueAt: new Date() }).where('rotationRef', '=', ref).execute()
})

test('a filing with a key in its text or a start too far ahead is refused', async () => {
  const serviceId = await newService()
  const details = `it is rk_auth_live_${'a'.repeat(38)}`
  await expect(file(db, world.owner, serviceId, { details })).rejects.toMatchObject({ code: 'CONTAINS_SECRET' })
  const notBefore = new Date(Date.now() + 91 * 86_400_000)
  await expect(file(db, world.owner, serviceId, { notBefore })).rejects.toMatchObject({ code: 'START_TOO_FAR' })
})

test('a filing of many keys keeps their order, and its history and audit trail have an entry for each', async () => {
  const services = []
  for (let i = 0; i < 12; i++) services.push(await newService())
  const items = services.toReversed().map((serviceId) => ({ serviceId, kinds: ['admin', 'auth'] as const }))
  const ref = await file(db, world.owner, '', { items })
  const rotation = await read(ref)
  const ordered = [...new Set(rotation.items.map((item) => item.serviceId))]
  expect([rotation.items.length, ordered]).toEqual([24, services.toReversed()])
  const added = await db
    .selectFrom('itemHistory')
    .innerJoin('auditEntry', (join) =>
      join
        .onRef('auditEntry.chain', '=', 'itemHistory.auditChain')
        .onRef('auditEntry.sequence', '=', 'itemHistory.auditSequence'),
    )
    .select(sql<string>`audit_entry.body::jsonb ->> 'item'`.as('item'))
    .where('auditEntry.rotation', '=', ref)
    .orderBy('auditEntry.sequence')
    .execute()
  expect(added.map(({ item }) => item)).toEqual(rotation.items.map(({ id }) => id))
  await withdrawRotation(db, world.owner, ref)
})

test('lists page through every rotation once, in either order', async () => {
  for (const sort of ['created', 'deadline'] as const) {
    const refs: string[] = []
    let cursor: string | undefined
    do {
      const page = await findRotations(db, world.owner, { limit: 4, sort, cursor })
      refs.push(...page.items.map((rotation) => rotation.ref))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    const { count: total } = await db
      .selectFrom('rotation')
      .select((is) => is.fn.countAll<string>().as('count'))
      .executeTakeFirstOrThrow()
    expect(new Set(refs).size).toBe(Number(total))
    expect(refs.length).toBe(Number(total))
  }
  const found = await findRotations(db, world.agent, { limit: 10, q: 'Expiring' })
  expect(found.items.length).toBe(1)
})

test('every invariant holds after all of this', async () => {
  expect(await findViolations(db)).toEqual([])
})
