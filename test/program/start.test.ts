import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { readPostmaster } from '../../src/database/embedded/lock.ts'
import { freePort, goes, isAlive, newFolder, postgresOf, startProgram } from '../support/program.ts'

const MAIN = 'src/main.ts'

test('a first start says where to make the first admin, serves, and ends with 0 and no process left', async () => {
  const program = await startProgram(MAIN, { dataDir: newFolder(), port: await freePort() })
  expect(program.output()).toMatch(/"setUpCode":"[0-9A-Z-]{29}"/)
  expect((await fetch(`${program.baseUrl}/readyz`)).status).toBe(200)
  expect((await fetch(`${program.baseUrl}/demo`)).status).toBe(404)
  expect((await fetch(`${program.baseUrl}/demo/codes.json`)).status).toBe(404)
  const postgres = postgresOf(program.dataDir)
  program.process.kill('SIGTERM')
  program.process.kill('SIGINT')
  expect(await program.ended).toBe(0)
  expect(isAlive(postgres)).toBe(false)
})

test('a request that is open when the stop comes is finished', async () => {
  const port = await freePort()
  const program = await startProgram(MAIN, { dataDir: newFolder(), port })
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => (answer += String(chunk)))
  const body = JSON.stringify({ key: 'no key' })
  const headers = `host: 127.0.0.1:${port}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`
  socket.write(`POST /v1/keys/verify HTTP/1.1\r\n${headers}\r\n\r\n${body.slice(0, 5)}`)
  await sleep(300)
  program.process.kill('SIGTERM')
  await sleep(500)
  expect(program.process.exitCode).toBeNull()
  socket.write(body.slice(5))
  await once(socket, 'close')
  expect(answer).toMatch(/^HTTP\/1\.1 401 /)
  expect(await program.ended).toBe(0)
})

test('what keeps it from starting is told in one sentence, and nothing stays behind', async () => {
  const dataDir = newFolder()
  const port = await freePort()
  const first = await startProgram(MAIN, { dataDir, port })
  const onPort = await startProgram(MAIN, { dataDir: newFolder(), port, LOG_LEVEL: 'fatal' })
  expect(await onPort.ended).toBe(1)
  expect(onPort.output()).toMatch(/^Port \d+ on 127\.0\.0\.1 is in use already[^\n]*\.\n$/)
  const onFolder = await startProgram(MAIN, { dataDir, port: await freePort(), LOG_LEVEL: 'fatal' })
  expect(await onFolder.ended).toBe(1)
  expect(onFolder.output()).toBe(`Another Rekey already uses the data folder ${dataDir}.\n`)
  const badly = await startProgram(MAIN, { dataDir, port: 0 })
  expect(await badly.ended).toBe(1)
  expect(badly.output()).toMatch(/^PORT [^\n]*\.\n$/)
  expect((await fetch(`${first.baseUrl}/readyz`)).status).toBe(200)
  const postgres = postgresOf(dataDir)
  first.process.kill('SIGKILL')
  expect(await goes(postgres, 5_000)).toBe(true)
})

test('workers and webs share one outside database', async () => {
  const owner = await startProgram(MAIN, { dataDir: newFolder(), port: await freePort(), ROLES: 'web' })
  const postgres = postgresOf(owner.dataDir)
  const folder = `${owner.dataDir}/postgres`
  const password = readFileSync(`${folder}/rekey.password`, 'utf8')
  const DATABASE_URL = `postgres://rekey:${password}@127.0.0.1:${readPostmaster(folder)?.port}/rekey`
  const worker = await startProgram(MAIN, {
    dataDir: owner.dataDir,
    port: await freePort(),
    DATABASE_URL,
    ROLES: 'worker',
  })
  await expect(fetch(`${worker.baseUrl}/healthz`)).rejects.toThrow()
  worker.process.kill('SIGTERM')
  expect(await worker.ended).toBe(0)
  expect(isAlive(postgres)).toBe(true)
  owner.process.kill('SIGTERM')
  expect(await owner.ended).toBe(0)
})
