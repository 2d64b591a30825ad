import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { startMailServer } from '../support/smtp.ts'
import { stop, until, workersOn } from '../support/workers.ts'
import { addService, type DeskWorld, fileAndApprove, makeDeskWorld } from '../support/worlds/desk-world.ts'

const { db, url } = await openTestDatabase()
const mailServer = await startMailServer()
const startProcess = workersOn(url)
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function fileMany(rotations: number): Promise<string[]> {
  const refs: string[] = []
  for (let i = 0; i < rotations; i++) {
    count += 1
    const { id } = await addService(db, world.admin, world.organisationId, `Stormed ${count}`)
    refs.push(await fileAndApprove(db, world, id))
  }
  return refs
}

async function all(refs: readonly string[], status: 'overlap' | 'completed'): Promise<boolean> {
  const rows = await db.selectFrom('rotation').select('status').where('ref', 'in', refs).execute()
  return rows.every((row) => row.status === status)
}

test.each([2, 8])('%i workers carry out 1 000 due items, each once and without a deadlock', async (workers) => {
  const refs = await fileMany(500)
  const children = Array.from({ length: workers }, () => startProcess())
  await until('the rotations', () => all(refs, 'overlap'), 240)
  await Promise.all(children.map(stop))
  expect(await findViolations(db)).toEqual([])
  const failed = await db.selectFrom('item').select('id').where('attempts', '>', 0).execute()
  expect(failed).toEqual([])
})

test('workers killed at random while connections are cut lose nothing and do nothing twice', async () => {
  const refs = await fileMany(150)
  const workers: ChildProcess[] = []
  const storm = new AbortController()
  const deaths: (number | null)[] = []
  const start = () => startProcess('--smtp', mailServer.url).once('exit', (code) => deaths.push(code))
  for (let i = 0; i < 3; i++) workers.push(start())

  async function killAtRandom(): Promise<void> {
    while (!storm.signal.aborted) {
      await sleep(300 + Math.random() * 700)
      const index = Math.floor(Math.random() * workers.length)
      workers[index]?.kill('SIGKILL')
      workers[index] = start()
    }
  }
  async function cutConnections(): Promise<void> {
    while (!storm.signal.aborted) {
      await sleep(100)
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and random() < 0.2`
        .execute(db)
        .catch(() => {})
    }
  }
  const faults = [killAtRandom(), cutConnections()]
  await sleep(20_000)
  storm.abort()
  await Promise.all(faults)
  expect(deaths.filter((code) => code !== null)).toEqual([])

  await until('the rotations', () => all(refs, 'overlap'), 240)
  for (const ref of refs) await revokeEarly(db, world.owner, ref, {})
  await until('the ends', () => all(refs, 'completed'), 240)
  await until(
    'the letters',
    async () => {
      const waiting = await db.selectFrom('letter').select('id').where('sentAt', 'is', null).execute()
      return waiting.length === 0
    },
    240,
  )
  await Promise.all(workers.map(stop))
  expect(await findViolations(db)).toEqual([])
  const sent = new Set(mailServer.received.map((mail) => mail.header('message-id')))
  const letters = await db.selectFrom('letter').select('messageId').execute()
  expect(sent.size).toBe(letters.length)
})
