import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { freePort, isAlive, newFolder, type Program, postgresOf, startProgram } from '../support/program.ts'

const DEMO = 'src/demo/main.ts'
const demoFile = z.object({
  baseUrl: z.string(),
  databaseUrl: z.string(),
  people: z.array(
    z.object({
      email: z.string(),
      name: z.string(),
      password: z.string(),
      totpSecret: z.string(),
      role: z.string(),
      organisation: z.string().nullable(),
      apiToken: z.string(),
    }),
  ),
  gatewayToken: z.string(),
  services: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      organisationId: z.string(),
      environment: z.string(),
      keys: z.array(z.object({ id: z.string(), kind: z.string(), secret: z.string() })),
    }),
  ),
})
const letters = z.array(
  z.strictObject({
    to: z.array(z.string()),
    from: z.string(),
    subject: z.string(),
    text: z.string(),
    html: z.string(),
    messageId: z.string(),
    headers: z.record(z.string(), z.string()),
    receivedAt: z.iso.datetime(),
  }),
)
type Demo = z.infer<typeof demoFile>

let program: Program
let demo: Demo

function readDemo(dataDir: string): Demo {
  return demoFile.parse(JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8')))
}

async function get(path: string, token?: string): Promise<unknown> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(`${program.baseUrl}${path}`, { headers })
  expect(response.status).toBe(200)
  return response.json()
}

beforeAll(async () => {
  program = await startProgram(DEMO, { dataDir: newFolder(), port: await freePort() })
  demo = readDemo(program.dataDir)
})

test('it says in one line where it is ready', () => {
  expect(program.output()).toMatch(new RegExp(`^Rekey is ready at ${program.baseUrl}$`, 'm'))
  expect(demo.baseUrl).toBe(program.baseUrl)
})

test('its file names two organisations with three roles each and three of the staff, and only its owner may read it', () => {
  const places = Map.groupBy(demo.people, (person) => person.organisation)
  const roles = [...places.values()].map((people) => people.map((person) => person.role).toSorted())
  expect(roles).toEqual([
    ['developer', 'owner', 'viewer'],
    ['developer', 'owner', 'viewer'],
    ['admin', 'agent', 'agent'],
  ])
  expect(places.get(null)).toHaveLength(3)
  expect(statSync(join(program.dataDir, 'demo.json')).mode & 0o777).toBe(0o600)
})

test('its services have an Auth and an Admin key each, which the gateway finds valid and no live rotation holds', async () => {
  const owners = Map.groupBy(demo.services, (service) => service.organisationId)
  expect([...owners.values()].map((services) => services.length)).toEqual([3, 2])
  for (const { keys } of demo.services) {
    expect(keys.map((key) => key.kind).toSorted()).toEqual(['admin', 'auth'])
    for (const { secret, id } of keys) {
      const response = await fetch(`${program.baseUrl}/v1/keys/verify`, {
        method: 'POST',
        headers: { authorization: `Bearer ${demo.gatewayToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ key: secret }),
      })
      expect(await response.json()).toMatchObject({ valid: true, keyId: id, rotation: null })
    }
  }
})

test('everybody’s API token acts as that person', async () => {
  for (const person of demo.people) {
    expect(JSON.stringify(await get('/v1/me', person.apiToken))).toContain(person.name)
  }
})

test('the present codes are told by address, and one of them is a step-up', async () => {
  const codes = z.record(z.string(), z.string()).parse(await get('/demo/codes.json'))
  expect(Object.keys(codes).toSorted()).toEqual(demo.people.map((person) => person.email).toSorted())
  const owner = demo.people.find((person) => person.role === 'owner')
  const response = await fetch(`${program.baseUrl}/v1/step-up`, {
    method: 'POST',
    headers: { authorization: `Bearer ${owner?.apiToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ otp: codes[owner?.email ?? ''] }),
  })
  expect(await response.json()).toMatchObject({ stepUpToken: expect.any(String) })
})

test('letters arrive in the inbox with their headers, as JSON and as pages', async () => {
  const arrived = letters.parse(await get('/demo/inbox.json'))
  const received = arrived.find((letter) => letter.headers['auto-submitted'] === 'auto-generated')
  expect(received).toMatchObject({ from: expect.stringContaining('@'), to: [expect.stringContaining('@')] })
  for (const path of ['/demo', '/demo/codes', '/demo/inbox', '/demo/inbox/1', '/demo/webhooks']) {
    const response = await fetch(`${program.baseUrl}${path}`, { headers: { accept: 'text/html' } })
    expect([path, response.status]).toEqual([path, 200])
  }
  const html = await fetch(`${program.baseUrl}/demo/inbox/1/html`)
  expect(html.headers.get('content-security-policy')).toMatch(/^default-src 'none'.*sandbox$/)
})

test('webhooks of the first organisation arrive at a program of the demo’s, with signatures that fit', async () => {
  const calls = z.array(z.object({ type: z.string(), rotation: z.string().nullable(), signed: z.boolean() }))
  const deadline = Date.now() + 15_000
  let arrived: z.infer<typeof calls> = []
  while (!arrived.some(({ type }) => type === 'rotation.completed') && Date.now() < deadline) {
    arrived = calls.parse(await get('/demo/webhooks.json'))
    await sleep(200)
  }
  expect(arrived.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['rotation.submitted', 'item.overlap', 'rotation.completed']),
  )
  expect(arrived.filter(({ signed }) => !signed)).toEqual([])
})

test('the simulated client keeps "last used" alive on services of its own', async () => {
  const owner = demo.people.find((person) => person.role === 'owner')
  const free = demo.services.map((service) => service.id)
  const services = z.object({ items: z.array(z.object({ id: z.string() }).loose()) })
  const deadline = Date.now() + 10_000
  let used: string[] = []
  while (used.length === 0 && Date.now() < deadline) {
    const { items } = services.parse(await get('/v1/services?limit=100', owner?.apiToken))
    used = items.filter((item) => JSON.stringify(item).includes('203.0.113.7')).map((item) => item.id)
    await sleep(200)
  }
  expect(used.length).toBeGreaterThan(0)
  expect(used.filter((id) => free.includes(id))).toEqual([])
})

test('a second start keeps people, secrets and letters', async () => {
  const before = letters.parse(await get('/demo/inbox.json'))
  const postgres = postgresOf(program.dataDir)
  program.process.kill('SIGTERM')
  expect(await program.ended).toBe(0)
  expect(isAlive(postgres)).toBe(false)
  program = await startProgram(DEMO, { dataDir: program.dataDir, port: await freePort() })
  const { people, services, gatewayToken } = readDemo(program.dataDir)
  expect({ people, services, gatewayToken }).toEqual({
    people: demo.people,
    services: demo.services,
    gatewayToken: demo.gatewayToken,
  })
  const ids = letters.parse(await get('/demo/inbox.json')).map((letter) => letter.messageId)
  expect(ids).toEqual(expect.arrayContaining(before.map((letter) => letter.messageId)))
  program.process.kill('SIGINT')
  expect(await program.ended).toBe(0)
})

test('with --fresh everything is new', async () => {
  program = await startProgram(DEMO, { dataDir: program.dataDir, port: await freePort() }, ['--fresh'])
  const { people, gatewayToken } = readDemo(program.dataDir)
  const old = [demo.gatewayToken, ...demo.people.flatMap((person) => [person.password, person.apiToken])]
  const fresh = [gatewayToken, ...people.flatMap((person) => [person.password, person.apiToken])]
  expect(fresh).toHaveLength(old.length)
  expect(fresh.filter((secret) => old.includes(secret))).toEqual([])
  program.process.kill('SIGTERM')
  expect(await program.ended).toBe(0)
})

test('it never takes over the folder of a desk that is no demo', async () => {
  const dataDir = newFolder()
  const real = await startProgram('src/main.ts', { dataDir, port: await freePort() })
  real.process.kill('SIGTERM')
  await real.ended
  const refused = await startProgram(DEMO, { dataDir, port: await freePort() })
  expect(await refused.ended).toBe(1)
  expect(refused.output()).toBe(`${dataDir} holds a desk that is no demo; set DATA_DIR to another folder.\n`)
})
