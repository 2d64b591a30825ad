import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { openTestDatabase } from '../support/database.ts'
import { freePort, newFolder, startProgram } from '../support/program.ts'
import { fileAndApprove, makeDeskWorld } from '../support/worlds/desk-world.ts'

const { db, url } = await openTestDatabase()
const VERIFY = 'src/audit-verify.ts'

async function verify(args: readonly string[], settings: { DATABASE_URL?: string } = {}, dataDir = newFolder()) {
  const program = await startProgram(VERIFY, { dataDir, port: await freePort(), ...settings }, args)
  return { code: await program.ended, output: program.output() }
}

test('whole chains are told as such, a broken one by its first bad row, and heads kept elsewhere tell what was cut off', async () => {
  const world = await makeDeskWorld(db)
  await fileAndApprove(db, world, world.service.id)
  const heads = join(newFolder(), 'heads.json')
  const first = await verify(['--save', heads], { DATABASE_URL: url })
  expect(first).toEqual({ code: 0, output: expect.stringMatching(/^\d chains, \d+ entries: every hash fits\n$/) })
  expect(JSON.parse(readFileSync(heads, 'utf8'))).toContainEqual({
    chain: world.organisationId,
    sequence: expect.any(Number),
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  expect((await verify(['--against', heads], { DATABASE_URL: url })).code).toBe(0)

  await db.transaction().execute(async (trx) => {
    await sql`set local session_replication_role = replica`.execute(trx)
    await sql`update audit_entry set body = replace(body, 'scheduled', 'scheduIed')
      where chain = ${world.organisationId} and sequence = 2`.execute(trx)
  })
  const broken = await verify([], { DATABASE_URL: url })
  expect(broken.code).toBe(1)
  expect(broken.output).toContain(`${world.organisationId}: entry 2 was changed, or stood elsewhere\n`)
})

test('it joins the desk that is running in the data folder, and opens a folder where none is', async () => {
  const dataDir = newFolder()
  const desk = await startProgram('src/main.ts', { dataDir, port: await freePort() })
  expect(await verify([], {}, dataDir)).toEqual({ code: 0, output: '0 chains, 0 entries: every hash fits\n' })
  expect((await fetch(`${desk.baseUrl}/readyz`)).status).toBe(200)
  desk.process.kill('SIGTERM')
  expect(await desk.ended).toBe(0)
  expect((await verify([], {}, dataDir)).code).toBe(0)
})

test('what it does not understand is told in one sentence', async () => {
  expect(await verify(['--agianst', 'x'])).toEqual({ code: 1, output: expect.stringMatching(/^Usage: [^\n]*\n$/) })
  const missing = await verify(['--against', '/nowhere.json'], { DATABASE_URL: url })
  expect(missing).toEqual({ code: 1, output: '/nowhere.json holds no heads that an earlier run saved.\n' })
})
