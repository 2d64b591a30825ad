import { Pool } from 'pg'
import { afterAll, describe, expect, test } from 'vitest'
import { createDb, createPool } from '../../src/database/connect.ts'
import { createLog } from '../../src/log.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk, type TestDesk } from '../support/web.ts'

const database = await openTestDatabase()
const log = createLog('fatal')

function openOn(url: string, max: number) {
  const pool = createPool(url, log, { max, statementMilliseconds: 1_000 })
  const db = createDb(pool)
  afterAll(() => db.destroy())
  return { pool, db }
}

const token = { authorization: 'Bearer rkp_whoever' }
const VERIFY = { headers: { authorization: 'Bearer rkg_whoever' }, body: { key: 'x' } }

async function expectUnavailable(desk: TestDesk): Promise<void> {
  const answers = [
    await desk.call('GET', '/readyz'),
    await desk.call('GET', '/v1/me', { headers: token }),
    await desk.call('POST', '/v1/keys/verify', VERIFY),
  ]
  for (const answer of answers) {
    expect([answer.status, answer.json]).toEqual([503, expect.objectContaining({ code: 'UNAVAILABLE' })])
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(answer.text).not.toContain('ECONN')
  }
  expect((await desk.call('GET', '/healthz')).status).toBe(200)
}

describe('while the database', () => {
  test('can’t be reached, calls are answered 503, and a browser gets a page', async () => {
    const desk = await openDesk(openOn('postgres://rekey@127.0.0.1:1/none', 2))
    await expectUnavailable(desk)
    const headers = { accept: 'text/html', cookie: '__Host-rekey=whatever' }
    const page = await desk.call('GET', '/rotations', { headers })
    expect([page.status, page.headers['content-type']]).toEqual([503, 'text/html; charset=UTF-8'])
    for (const path of ['//evil.example/x', '/%5Cevil.example/x']) {
      const { text } = await desk.call('GET', path, { headers })
      expect(text).toMatch(/href="\/[^/\\"]*evil\.example/)
    }
  })

  test('has another schema, the desk is up and not ready', async () => {
    const url = new URL(database.url)
    url.pathname = '/postgres'
    const desk = await openDesk(openOn(url.href, 2))
    expect((await desk.call('GET', '/readyz')).status).toBe(503)
    expect((await desk.call('GET', '/healthz')).status).toBe(200)
  })

  test('has no connection left, calls are answered within 2.5 s', async () => {
    const world = openOn(database.url, 1)
    const desk = await openDesk(world)
    const held = await world.pool.connect()
    const start = performance.now()
    await expectUnavailableSoon(desk)
    expect(performance.now() - start).toBeLessThan(2_500)
    held.release()
    expect((await desk.call('GET', '/readyz')).status).toBe(200)
  })

  test('cuts connections, each call is answered 503 or right, and all is well again after', async () => {
    const desk = await openDesk(openOn(database.url, 4))
    const killer = new Pool({ connectionString: database.url, max: 1 })
    const seen = new Set<number>()
    for (let round = 0; round < 5; round++) {
      const calls = Array.from({ length: 8 }, () => desk.call('GET', '/v1/me', { headers: token }))
      await killer.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and application_name = 'rekey'`,
      )
      for (const answer of await Promise.all(calls)) seen.add(answer.status)
    }
    await killer.end()
    expect([...seen].filter((status) => status !== 401 && status !== 503)).toEqual([])
    expect((await desk.call('GET', '/readyz')).status).toBe(200)
  })
})

async function expectUnavailableSoon(desk: TestDesk): Promise<void> {
  const answer = await desk.call('POST', '/v1/keys/verify', VERIFY)
  expect([answer.status, answer.json]).toEqual([503, expect.objectContaining({ code: 'UNAVAILABLE' })])
}
