import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestDatabase } from '../support/database.ts'
import { openKeyList } from '../support/github-keys.ts'
import { openDesk, sealer } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import { sealedSecret } from '../support/worlds/secrets.ts'

const SECRET_HEX = '07'.repeat(32)
const SECRET = `whsec_${Buffer.from(SECRET_HEX, 'hex').toString('base64')}`
const database = await openTestDatabase()
const github = await openKeyList()
const desk = await openDesk(database, { githubKeysUrl: github.url, leakReportSecret: SECRET })
const folder = mkdtempSync(join(tmpdir(), 'rekey-openssl-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let world: ApiWorld

function openssl(...options: string[]): Buffer {
  return execFileSync('openssl', options, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
}

beforeAll(async () => {
  world = await makeApiWorld(desk)
  for (const name of ['github', 'forger']) {
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.pem`)
  }
  github.list('the-key', openssl('ec', '-in', 'github.pem', '-pubout').toString())
})

/** What a shell would send: the body in a file, signed by `openssl dgst`. */
function sendAsGithub(body: string, signer: 'github' | 'forger') {
  writeFileSync(join(folder, 'body.json'), body)
  const signature = openssl('dgst', '-sha256', '-sign', `${signer}.pem`, 'body.json').toString('base64')
  const headers = { 'github-public-key-identifier': 'the-key', 'github-public-key-signature': signature }
  return desk.call('POST', '/v1/leak-reports/github', { text: body, headers })
}

function sendSigned(body: string, secretHex: string) {
  const timestamp = Math.floor(Date.now() / 1000)
  writeFileSync(join(folder, 'signed'), `msg_1.${timestamp}.${body}`)
  const mac = openssl('dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${secretHex}`, '-binary', 'signed')
  const signature = `v1,${mac.toString('base64')}`
  const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': String(timestamp), 'webhook-signature': signature }
  return desk.call('POST', '/v1/leak-reports', { text: body, headers })
}

async function leakedKey(name: string): Promise<string> {
  const { authKeyId } = await world.addService(name)
  return (await sealedSecret(database.db, sealer, authKeyId)).text
}

async function liveLeaks(): Promise<number> {
  return (await database.db.selectFrom('rotation').select('ref').where('trigger', '=', 'leak').execute()).length
}

describe('a leak report signed with openssl', () => {
  test('as GitHub signs is accepted, and opens one rotation', async () => {
    const before = await liveLeaks()
    const token = await leakedKey('One')
    const answer = await sendAsGithub(JSON.stringify([{ token, type: 'rekey', url: '', source: 'commit' }]), 'github')
    expect([answer.status, answer.json]).toMatchObject([200, [{ label: 'true_positive' }]])
    expect(await liveLeaks()).toBe(before + 1)
  })

  test('with another key than GitHub’s is refused, and opens none', async () => {
    const before = await liveLeaks()
    const token = await leakedKey('Two')
    const answer = await sendAsGithub(JSON.stringify([{ token, type: 'rekey', url: '', source: 'commit' }]), 'forger')
    expect([answer.status, answer.json]).toMatchObject([403, { code: 'SIGNATURE_REJECTED' }])
    expect(await liveLeaks()).toBe(before)
  })

  test('with the shared secret is accepted, with another refused', async () => {
    const body = JSON.stringify({ key: await leakedKey('Three'), source: 'our own scanner' })
    expect((await sendSigned(body, '08'.repeat(32))).status).toBe(403)
    const answer = await sendSigned(body, SECRET_HEX)
    expect([answer.status, answer.json]).toMatchObject([200, { known: true, rotation: expect.stringMatching(/^ROT-/) }])
  })
})
