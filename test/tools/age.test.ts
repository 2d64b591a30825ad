import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'

const run = promisify(execFile)
const desk = await openDesk(await openTestDatabase())
let world: ApiWorld
let folder: string

beforeAll(async () => {
  world = await makeApiWorld(desk)
  folder = await mkdtemp(join(tmpdir(), 'rekey-age-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** An identity as people make it, and the recipient that belongs to it. */
async function newIdentity(name: string): Promise<{ file: string; recipient: string }> {
  const file = join(folder, name)
  await run('age-keygen', ['-o', file])
  return { file, recipient: (await run('age-keygen', ['-y', file])).stdout.trim() }
}

const fetched = z.object({ items: z.array(z.object({ newVersionId: z.string() })) })

test('a new key is opened with the stock age program and the owner’s identity, and is the key that verify accepts', async () => {
  const { owner, agent, admin } = world.clients
  const identity = await newIdentity('identity.txt')
  const { serviceId } = world.place
  const body = { ageRecipient: identity.recipient }
  expect((await owner.confirmed('PUT', `/v1/services/${serviceId}/delivery`, { body })).status).toBe(200)
  const filing = { items: [{ serviceId, kinds: ['auth'] }], reason: 'scheduled', overlapSeconds: 3_600 }
  const filed = await owner.confirmed('POST', '/v1/rotations', { body: filing })
  const { ref } = z.object({ ref: z.string() }).parse(filed.json)
  await agent.confirmed('POST', `/v1/rotations/${ref}/approval`, { body: { revision: 1 } })
  await work(desk)
  const rotation = fetched.parse((await owner.call('GET', `/v1/rotations/${ref}`)).json)
  const sealed = await owner.call('GET', `/v1/versions/${rotation.items[0]?.newVersionId}/sealed`)
  const file = join(folder, 'key.age')
  await writeFile(file, sealed.bytes)
  const secret = (await run('age', ['--decrypt', '-i', identity.file, file])).stdout
  expect(secret).toMatch(/^rk_auth_live_[0-9A-Za-z]{38}$/)
  expect((await readFile(file)).includes(secret)).toBe(false)

  const gateway = await admin.confirmed('POST', '/v1/gateways', { body: { name: 'edge' } })
  const { token } = z.object({ token: z.string() }).parse(gateway.json)
  const asked = { headers: { authorization: `Bearer ${token}` }, body: { key: secret } }
  expect((await desk.call('POST', '/v1/keys/verify', asked)).json).toMatchObject({
    valid: true,
    rotation: { role: 'new' },
  })

  const stranger = await newIdentity('stranger.txt')
  await expect(run('age', ['--decrypt', '-i', stranger.file, file])).rejects.toThrow('no identity matched')
})
