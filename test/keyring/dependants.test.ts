import { beforeAll, expect, test } from 'vitest'
import { findDependants } from '../../src/database/dependants/dependants.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { rollBack } from '../../src/desk/follow-ups/roll-back.ts'
import { completeTask, reopenTask } from '../../src/desk/tasks/tick.ts'
import { removeService } from '../../src/desk/trouble/remove-service.ts'
import { addDependant, type NewDependant } from '../../src/keyring/dependants/add.ts'
import { removeDependant } from '../../src/keyring/dependants/remove.ts'
import type { PersonActor } from '../../src/rules/permissions.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome } from '../support/refusals.ts'
import {
  addMember,
  addOrganisation,
  addService,
  carryOutAll,
  type DeskWorld,
  fileAndApprove,
  makeDeskWorld,
} from '../support/worlds/desk-world.ts'
import { race, readRotation } from '../support/worlds/story.ts'

const { db } = await openTestDatabase()
let world: DeskWorld
let developer: PersonActor
let stranger: PersonActor
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
  developer = await addMember(db, world.organisationId, 'developer', 'Dev')
  stranger = await addMember(db, await addOrganisation(db, 'Rivals'), 'owner', 'Rex')
})

async function newService() {
  count += 1
  return addService(db, world.admin, world.organisationId, `Bound ${count}`)
}

const KMS: NewDependant = { type: 'kms', name: 'Ledger KMS' }

async function add(keyId: string, dependant: NewDependant = KMS): Promise<string> {
  return (await addDependant(db, world.owner, keyId, dependant)).id
}

/** The tasks of a rotation, as they are seen. */
async function tasksOf(ref: string) {
  return (await readRotation(db, ref)).items.flatMap(({ tasks }) => tasks)
}

/** A service whose Auth key has a KMS, and the rotation that has just made its new key. */
async function rotated(dependant: NewDependant = KMS) {
  const service = await newService()
  const dependantId = await add(service.authKeyId, dependant)
  const ref = await fileAndApprove(db, world, service.id)
  await carryOutAll(db)
  const [task] = await tasksOf(ref)
  return { service, dependantId, ref, taskId: task?.id ?? '' }
}

async function actions(keyOrRef: string): Promise<string[]> {
  const rows = await db.selectFrom('auditEntry').select(['action', 'body']).orderBy('sequence').execute()
  const named = rows.filter(({ body }) => body.includes(keyOrRef)).map(({ action }) => action)
  return named.filter((action) => /^(dependant|task)\./.test(action))
}

test('what depends on a key is listed with it until it is struck off, and both are in the audit trail', async () => {
  const { authKeyId } = await newService()
  const account = await add(authKeyId, { type: 'virtual_account', name: ' Sales   EUR ' })
  const kms = await add(authKeyId)
  expect(await findDependants(db, [authKeyId])).toMatchObject([
    { id: account, type: 'virtual_account', name: 'Sales EUR', exactKey: false },
    { id: kms, type: 'kms', name: 'Ledger KMS', exactKey: true },
  ])
  await removeDependant(db, world.owner, account)
  expect((await findDependants(db, [authKeyId])).map(({ id }) => id)).toEqual([kms])
  expect(await outcome(removeDependant(db, world.owner, account))).toBe('NOT_FOUND')
  expect(await actions(authKeyId)).toEqual(['dependant.add', 'dependant.add', 'dependant.remove'])
})

test('only owners say what depends on a key, of keys of their own that are there, and each thing once', async () => {
  const service = await newService()
  const id = await add(service.authKeyId)
  const again = { type: 'kms', name: 'LEDGER kms' } as const
  expect(await outcome(addDependant(db, world.owner, service.authKeyId, again))).toBe('NAME_TAKEN')
  await add(service.authKeyId, { ...KMS, type: 'other' })
  for (const actor of [developer, world.agent, world.admin]) {
    expect(await outcome(addDependant(db, actor, service.authKeyId, KMS))).toBe('NOT_ALLOWED')
    expect(await outcome(removeDependant(db, actor, id))).toBe('NOT_ALLOWED')
  }
  expect(await outcome(addDependant(db, stranger, service.authKeyId, KMS))).toBe('NOT_FOUND')
  expect(await outcome(removeDependant(db, stranger, id))).toBe('NOT_FOUND')
  expect(await outcome(addDependant(db, world.owner, 'key_unknown', KMS))).toBe('NOT_FOUND')
  expect(await outcome(addDependant(db, world.owner, service.authKeyId, { ...KMS, name: '\u202e' }))).toBe(
    'INVALID_REQUEST',
  )
  await removeService(db, world.owner, { serviceId: service.id, confirmName: `Bound ${count}` })
  expect(await outcome(addDependant(db, world.owner, service.adminKeyId, KMS))).toBe('NOT_FOUND')
})

test('the name of what was struck off may be used again', async () => {
  const { authKeyId } = await newService()
  await removeDependant(db, world.owner, await add(authKeyId))
  await add(authKeyId)
})

test('a key has at most 100 dependants, however many are registered at once', async () => {
  const { authKeyId, id } = await newService()
  const createdAt = new Date()
  const { organisationId, owner } = world
  const rows = Array.from({ length: 95 }, (_, i) => ({
    id: `dep_${id.slice(4)}${i}`,
    keyId: authKeyId,
    organisationId,
    type: 'other' as const,
    name: `Thing ${i}`,
    exactKey: false,
    createdAt,
    createdBy: owner.personId,
  }))
  await db.insertInto('dependant').values(rows).execute()
  const adders = Array.from({ length: 10 }, (_, i) => () => add(authKeyId, { type: 'other', name: `New ${i}` }))
  const { won, refused } = await race(adders)
  expect([won, new Set(refused)]).toEqual([5, new Set(['INVALID_REQUEST'])])
})

test('owners are told of changes once an hour and key, however many there are', async () => {
  const { authKeyId } = await newService()
  for (const name of ['One', 'Two', 'Three']) await add(authKeyId, { type: 'other', name })
  const letters = await db
    .selectFrom('letter')
    .select(['facts', 'toName'])
    .where('kind', '=', 'security-notice')
    .execute()
  const mine = letters.filter(({ facts }) => facts.path === `/keys/${authKeyId}/dependants`)
  expect(mine).toMatchObject([
    {
      toName: 'Ada Owner',
      facts: { notice: 'dependant_changed', about: `Auth key of Bound ${count} (live)` },
    },
  ])
})

test('what must hold the very key becomes a task when the new version is made, and nothing else does', async () => {
  const service = await newService()
  const kms = await add(service.authKeyId)
  const strict = await add(service.authKeyId, { type: 'other', name: 'Signer', exactKey: true })
  await add(service.authKeyId, { type: 'virtual_account', name: 'Sales' })
  await add(service.authKeyId, { type: 'kms', name: 'Follows by itself', exactKey: false })
  const ref = await fileAndApprove(db, world, service.id)
  expect(await tasksOf(ref)).toEqual([])
  await carryOutAll(db)
  expect((await tasksOf(ref)).map(({ dependantId }) => dependantId)).toEqual([kms, strict])
})

test('what is registered while the overlap runs becomes a task of it as well', async () => {
  const { service, ref } = await rotated()
  const late = await add(service.authKeyId, { ...KMS, name: 'Second KMS' })
  expect((await tasksOf(ref)).map(({ dependantId }) => dependantId)).toContain(late)
})

test('an owner or a developer ticks a task off, and the first stays named whoever ticks it again', async () => {
  const { ref, taskId } = await rotated()
  await completeTask(db, developer, taskId)
  await completeTask(db, world.owner, taskId)
  expect(await tasksOf(ref)).toMatchObject([{ state: 'done', doneBy: { name: 'Dev' }, doneAt: expect.any(Date) }])
  await reopenTask(db, world.owner, taskId)
  await reopenTask(db, world.owner, taskId)
  expect(await tasksOf(ref)).toMatchObject([{ state: 'to_do', doneBy: null, doneAt: null }])
  expect(await actions(ref)).toEqual(['task.complete', 'task.reopen'])
})

test('nobody else ticks a task off, and not one of another organisation', async () => {
  const { taskId } = await rotated()
  const viewer = await addMember(db, world.organisationId, 'viewer', 'Vic')
  for (const actor of [viewer, world.agent, world.admin]) {
    expect(await outcome(completeTask(db, actor, taskId))).toBe('NOT_ALLOWED')
    expect(await outcome(reopenTask(db, actor, taskId))).toBe('NOT_ALLOWED')
  }
  expect(await outcome(completeTask(db, stranger, taskId))).toBe('NOT_FOUND')
  expect(await outcome(completeTask(db, world.owner, 'tsk_unknown'))).toBe('NOT_FOUND')
})

test('a task that several tick off at once is ticked off and recorded once', async () => {
  const { ref, taskId } = await rotated()
  await race(
    Array.from({ length: 20 }, (_, i) => () => completeTask(db, i % 2 === 0 ? developer : world.owner, taskId)),
  )
  expect(await actions(ref)).toEqual(['task.complete'])
})

test('an unfinished task outlives the old key, since the dependant is broken then', async () => {
  const { ref, taskId } = await rotated()
  await revokeEarly(db, world.owner, ref, {})
  await carryOutAll(db)
  expect((await readRotation(db, ref)).status).toBe('completed')
  expect(await tasksOf(ref)).toMatchObject([{ state: 'to_do' }])
  await completeTask(db, world.owner, taskId)
  expect(await tasksOf(ref)).toMatchObject([{ state: 'done' }])
})

test('after a rollback an unfinished task is gone from view: the key that it holds is back', async () => {
  const { ref, taskId } = await rotated()
  await rollBack(db, world.owner, ref)
  expect((await readRotation(db, ref)).status).toBe('rolled_back')
  expect(await tasksOf(ref)).toEqual([])
  expect(await outcome(completeTask(db, world.owner, taskId))).toBe('NOT_FOUND')
})

test('after a rollback a finished task has to be undone: the key that was given is deleted', async () => {
  const { ref, taskId } = await rotated()
  await completeTask(db, developer, taskId)
  await rollBack(db, world.owner, ref)
  expect(await tasksOf(ref)).toMatchObject([{ state: 'to_undo', doneBy: { name: 'Dev' } }])
  await reopenTask(db, world.owner, taskId)
  expect(await tasksOf(ref)).toEqual([])
})

test('a tick and a rollback at the same time leave a task to undo or none, and no tick on what is gone', async () => {
  for (let round = 0; round < 20; round++) {
    const { ref, taskId } = await rotated()
    const { refused } = await race([
      () => completeTask(db, developer, taskId),
      () => rollBack(db, world.owner, ref, {}),
    ])
    const states = (await tasksOf(ref)).map(({ state }) => state)
    expect([refused, states]).toEqual(refused.length === 0 ? [[], ['to_undo']] : [['NOT_FOUND'], []])
  }
})

test('the unfinished task of what was struck off, or of a key that is gone, is gone too; a finished one stays', async () => {
  const first = await rotated()
  await removeDependant(db, world.owner, first.dependantId)
  expect(await tasksOf(first.ref)).toEqual([])

  const second = await rotated()
  await completeTask(db, developer, second.taskId)
  await removeDependant(db, world.owner, second.dependantId)
  expect(await tasksOf(second.ref)).toMatchObject([{ state: 'done' }])

  const third = await rotated()
  await removeService(db, world.owner, { serviceId: third.service.id, confirmName: `Bound ${count}` })
  expect(await tasksOf(third.ref)).toEqual([])
})

test('what is registered while a new version is made is in its tasks, whoever comes first', async () => {
  for (let round = 0; round < 20; round++) {
    const service = await newService()
    const ref = await fileAndApprove(db, world, service.id)
    await race([() => carryOutAll(db), () => add(service.authKeyId)])
    expect(await tasksOf(ref)).toHaveLength(1)
  }
})

test('no dependant is called by the text of a key, which would stay on record', async () => {
  const { authKeyId } = await newService()
  const name = 'rk_auth_live_CANARYcanaryCANARYcanaryCANARY12345678'
  expect(await outcome(add(authKeyId, { type: 'other', name }))).toBe('CONTAINS_SECRET')
})
