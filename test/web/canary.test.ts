import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { deliverDueLetters, openMail } from '../../src/outbox/deliver.ts'
import { openTestDatabase } from '../support/database.ts'
import { startMailServer } from '../support/smtp.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const mailServer = await startMailServer()
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

/** The files of the database's server, tables and write-ahead log alike, that hold the text. */
async function findInServerFiles(text: string): Promise<string[]> {
  await sql`checkpoint`.execute(database.db)
  const { rows } = await sql<{ folder: string; oid: number }>`
    select current_setting('data_directory') as folder, oid from pg_database where datname = current_database()`.execute(
    database.db,
  )
  const [{ folder, oid } = { folder: '', oid: 0 }] = rows
  const found: string[] = []
  for (const place of [join(folder, 'base', String(oid)), join(folder, 'pg_wal')]) {
    for (const entry of await readdir(place, { withFileTypes: true })) {
      if (!entry.isFile()) continue
      const content = await readFile(join(place, entry.name)).catch(() => Buffer.alloc(0))
      if (content.includes(text)) found.push(join(place, entry.name))
    }
  }
  return found
}

test('no secret or token is in the database, its write-ahead log, the logs or the mails', async () => {
  const { owner, agent, admin } = world.clients
  const gateway = await admin.confirmed('POST', '/v1/gateways', { body: { name: 'Canary gateway' } })
  const { token } = z.object({ token: z.string() }).parse(gateway.json)
  const hook = await owner.confirmed('POST', '/v1/webhook-endpoints', { body: { url: 'https://hooks.test/' } })
  const { secret: signing } = z.object({ secret: z.string() }).parse(hook.json)
  const items = [{ serviceId: world.place.serviceId, kinds: ['auth'] }]
  const body = { items, reason: 'scheduled', details: 'Canary in the text.', overlapSeconds: 3600 }
  const filed = await owner.confirmed('POST', '/v1/rotations', { body })
  const { ref } = z.object({ ref: z.string() }).parse(filed.json)
  await agent.confirmed('POST', `/v1/rotations/${ref}/approval`, { body: { revision: 1 } })
  await work(desk)
  const rotation = await owner.call('GET', `/v1/rotations/${ref}`)
  const versions = z.object({ items: z.array(z.object({ newVersionId: z.string() })) }).parse(rotation.json)
  const revealed = await owner.confirmed('POST', `/v1/versions/${versions.items[0]?.newVersionId}/reveal`)
  const { secret } = z.object({ secret: z.string() }).parse(revealed.json)

  const identity = await generateX25519Identity()
  const recipient = { body: { ageRecipient: await identityToRecipient(identity) } }
  const { serviceId } = world.place
  await owner.confirmed('PUT', `/v1/services/${serviceId}/delivery`, recipient)
  await owner.confirmed('PUT', `/v1/services/${serviceId}/delivery`, { body: { ageRecipient: identity } })
  const lost = versions.items[0]?.newVersionId
  const again = await owner.confirmed('POST', `/v1/versions/${lost}/reissue`)
  const { versionId } = z.object({ versionId: z.string() }).parse(again.json)
  const sealed = await owner.call('GET', `/v1/versions/${versionId}/sealed`)
  const opener = new Decrypter()
  opener.addIdentity(identity)
  const encrypted = await opener.decrypt(sealed.bytes, 'text')
  expect((await owner.call('POST', `/v1/versions/${versionId}/acknowledgement`)).status).toBe(200)

  const headers = { authorization: `Bearer ${token}` }
  const answers = [
    await desk.call('POST', '/v1/keys/verify', { headers, body: { key: secret } }),
    await desk.call('POST', '/v1/keys/verify', { headers, body: { key: encrypted } }),
    await desk.call('POST', '/v1/keys/verify', { headers, body: { key: secret, surprise: secret } }),
    await desk.call('POST', '/v1/keys/verify', { headers, text: `{"key": "${secret}` }),
    await desk.call('GET', `/v1/rotations/${secret}?q=${secret}`, { headers }),
    await owner.confirmed('POST', '/v1/rotations', { body: { ...body, details: `It is ${secret}` } }),
    await owner.call('GET', `/v1/rotations?q=${secret}`),
  ]
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 400, 400, 401, 422, 200])

  const mail = openMail({ ...desk.desk.config, smtpUrl: mailServer.url })
  if (mail === null) throw new Error('there is no mail server')
  while ((await deliverDueLetters(database.db, mail, desk.desk.log)) > 0);
  mail.close()

  for (const canary of [
    secret,
    secret.slice(-38),
    encrypted,
    encrypted.slice(-38),
    identity,
    token,
    signing,
    signing.slice(6),
  ]) {
    expect(desk.logged.filter((line) => line.includes(canary))).toEqual([])
    expect(mailServer.received.filter((received) => received.raw.includes(canary))).toEqual([])
    expect(answers.filter((answer) => answer.text.includes(canary))).toEqual([])
    expect(await findInServerFiles(canary)).toEqual([])
  }
  expect(await findInServerFiles('Canary in the text.')).not.toEqual([])
  expect(desk.logged.length).toBeGreaterThan(0)
  expect(mailServer.received.length).toBeGreaterThan(0)
})
