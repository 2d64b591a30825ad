import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { findRotation } from '../../src/database/rotations/views.ts'
import { WORK_POINTS } from '../../src/desk/carry-out.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { startMailServer } from '../support/smtp.ts'
import { stop, until, workersOn } from '../support/workers.ts'
import { addService, type DeskWorld, fileAndApprove, makeDeskWorld, maker } from '../support/worlds/desk-world.ts'

const { db, url } = await openTestDatabase()
const mailServer = await startMailServer()
const startProcess = workersOn(url)
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function statusOf(ref: string): Promise<string | undefined> {
  return (await findRotation(db, world.owner, ref))?.status
}

async function newRotation(name: string): Promise<string> {
  const { id } = await addService(db, world.admin, world.organisationId, name)
  return fileAndApprove(db, world, id)
}

test.each(WORK_POINTS)('a worker killed at %s leaves nothing half done, and another carries on', async (point) => {
  const dying = startProcess('--die', point)
  const ref = await newRotation(`Killed at ${point}`)
  const retiring = point.startsWith('retire')
  if (retiring) {
    await until('the overlap', async () => (await statusOf(ref)) === 'overlap')
    await revokeEarly(db, world.owner, ref, {})
  }
  const [, signal] = await once(dying, 'exit')
  expect(signal).toBe('SIGKILL')
  expect(await findViolations(db)).toEqual([])

  const next = startProcess()
  await until('the rotation', async () => (await statusOf(ref)) === (retiring ? 'completed' : 'overlap'))
  await stop(next)
  expect(await findViolations(db)).toEqual([])
})

test('work starts within a second of its due time, and not before it', async () => {
  const worker = startProcess()
  const { id } = await addService(db, world.admin, world.organisationId, 'Due later')
  const notBefore = new Date(Date.now() + 2_000)
  const ref = await fileAndApprove(db, world, id, { notBefore })
  await until('the rotation', async () => (await statusOf(ref)) === 'overlap')
  await stop(worker)
  const items = await db.selectFrom('item').select('generatedAt').where('rotationRef', '=', ref).execute()
  for (const { generatedAt } of items) {
    const late = Number(generatedAt) - Number(notBefore)
    expect(late).toBeGreaterThanOrEqual(0)
    expect(late).toBeLessThan(1_000)
  }
})

test('a running worker picks the work of a killed one up within a second', async () => {
  const next = startProcess()
  const warmUp = await newRotation('Warm-up')
  await until('the other worker', async () => (await statusOf(warmUp)) === 'overlap')
  const dying = startProcess('--die', 'execute.claimed')
  const ref = await newRotation('Picked up')
  const approvedAt = performance.now()
  await until('the rotation', async () => (await statusOf(ref)) === 'overlap')
  expect(performance.now() - approvedAt).toBeLessThan(1_000)
  dying.kill('SIGKILL')
  await stop(next)
})

test('a letter whose sender is killed after the server took it comes once more, under the same Message-ID', async () => {
  const ref = await newRotation('Mailed twice')
  const mailing = ['--smtp', mailServer.url]
  await once(startProcess(...mailing, '--die', 'letter.accepted'), 'exit')
  // The lease of the dead sender runs out, as after a minute.
  await db.updateTable('letter').set({ nextAttemptAt: new Date() }).where('sentAt', 'is', null).execute()
  const next = startProcess(...mailing)
  await until('the letters', async () => {
    const waiting = await db.selectFrom('letter').select('id').where('sentAt', 'is', null).execute()
    return waiting.length === 0
  })
  await stop(next)
  const ids = mailServer.received.map((mail) => mail.header('message-id') ?? '')
  const letters = await db.selectFrom('letter').select('messageId').execute()
  const times = letters.map(({ messageId }) => ids.filter((id) => id.includes(messageId)).length)
  expect(Math.min(...times)).toBe(1)
  expect(Math.max(...times)).toBe(2)
  expect(ids.length).toBe(times.reduce((sum, count) => sum + count, 0))
  expect(await statusOf(ref)).toBe('overlap')
})

test('a reveal whose process is killed before it answers stays the one reveal, and is on record', async () => {
  const { authKeyId } = await addService(db, world.admin, world.organisationId, 'Revealed to nobody')
  const { id } = await db.selectFrom('version').select('id').where('keyId', '=', authKeyId).executeTakeFirstOrThrow()
  const script = join(import.meta.dirname, '../support/processes/reveal-process.ts')
  const [, signal] = await once(
    spawn(process.execPath, [script, url, id, world.owner.personId, world.organisationId], { stdio: 'inherit' }),
    'exit',
  )
  expect(signal).toBe('SIGKILL')
  const again = revealVersion(db, maker.sealer, world.owner, id)
  await expect(again).rejects.toMatchObject({ code: 'ALREADY_REVEALED' })
  const version = await db.selectFrom('version').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  expect(version).toMatchObject({ sealed: null, revealedBy: world.owner.personId })
  expect(await findViolations(db)).toEqual([])
})

test('the invariants catch a worker that makes the key and moves the item in two transactions', async () => {
  const ref = await newRotation('Done wrongly')
  const wrong = startProcess('--wrong', '--die', 'execute.committed')
  await once(wrong, 'exit')
  const next = startProcess()
  await until('the rotation', async () => (await statusOf(ref)) === 'overlap')
  await stop(next)
  const violations = await findViolations(db)
  expect(violations.some((violation) => violation.startsWith('I1'))).toBe(true)
})
