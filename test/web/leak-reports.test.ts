import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { beforeAll, describe, expect, test } from 'vitest'
import { createLog } from '../../src/log.ts'
import { createGithubKeys } from '../../src/web/leaks/github-keys.ts'
import { openTestDatabase } from '../support/database.ts'
import { openKeyList } from '../support/github-keys.ts'
import { outcome } from '../support/refusals.ts'
import { openDesk, sealer } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import { sealedSecret } from '../support/worlds/secrets.ts'

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
const database = await openTestDatabase()
const github = await openKeyList()
const desk = await openDesk(database, { githubKeysUrl: github.url, leakReportSecret: SECRET })
const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const KEY_ID = 'a'.repeat(64)
const silent = createLog('fatal')
let world: ApiWorld
let count = 0

function pem(keys: { publicKey: typeof pair.publicKey }): string {
  return keys.publicKey.export({ type: 'spki', format: 'pem' }).toString()
}

// As the documentation of GitHub's partner program has them.
const EXAMPLE = {
  id: 'f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d',
  pem: '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gP\nHzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==\n-----END PUBLIC KEY-----\n',
  body: '[{"token":"some_token","type":"some_type","url":"some_url","source":"some_source"}]',
  signature: 'MEUCIFLZzeK++IhS+y276SRk2Pe5LfDrfvTXu6iwKKcFGCrvAiEAhHN2kDOhy2I6eGkOFmxNkOJ+L2y8oQ9A2T9GGJo6WJY=',
}

beforeAll(async () => {
  world = await makeApiWorld(desk)
  github.list(KEY_ID, pem(pair))
  github.list(EXAMPLE.id, EXAMPLE.pem)
})

/** A key of a service of its own, as its owner would be shown it. */
async function newKey(): Promise<string> {
  count += 1
  const { authKeyId } = await world.addService(`Leaked ${count}`)
  return (await sealedSecret(database.db, sealer, authKeyId)).text
}

function fromGithub(body: unknown, more: Record<string, string> = {}, key = pair.privateKey) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const signature = sign('sha256', Buffer.from(text), key).toString('base64')
  const headers = {
    'content-type': 'application/json',
    'github-public-key-identifier': KEY_ID,
    'github-public-key-signature': signature,
    ...more,
  }
  return desk.call('POST', '/v1/leak-reports/github', { text, headers })
}

const match = (token: string) => ({
  token,
  type: 'rekey_api_key',
  url: 'https://github.example/acme/shop/blob/main/.env',
  source: 'content',
})

describe('a report of GitHub’s', () => {
  test('is answered with labels, by hash and never with the key, and opens a rotation', async () => {
    const key = await newKey()
    const answer = await fromGithub([match(key), match('rk_auth_live_nothing')])
    expect(answer.status).toBe(200)
    const hash = (text: string) => createHash('sha256').update(text).digest('hex')
    expect(answer.json).toEqual([
      { token_hash: hash(key), token_type: 'rekey_api_key', label: 'true_positive' },
      { token_hash: hash('rk_auth_live_nothing'), token_type: 'rekey_api_key', label: 'false_positive' },
    ])
    const rotation = await database.db.selectFrom('rotation').selectAll().executeTakeFirstOrThrow()
    expect(rotation).toMatchObject({ trigger: 'leak', details: 'Reported as leaked: GitHub, content.' })
    expect(desk.logged.join('\n')).not.toContain(key)
  })

  test('as the documentation prints it, with its signature, is taken', async () => {
    const headers = { 'github-public-key-identifier': EXAMPLE.id, 'github-public-key-signature': EXAMPLE.signature }
    const answer = await fromGithub(EXAMPLE.body, headers)
    expect([answer.status, answer.json]).toMatchObject([200, [{ token_type: 'some_type', label: 'false_positive' }]])
  })

  test('whose body was changed by one character is refused', async () => {
    const headers = { 'github-public-key-identifier': EXAMPLE.id, 'github-public-key-signature': EXAMPLE.signature }
    const answer = await fromGithub(EXAMPLE.body.replace('some_url', 'some-url'), headers)
    expect([answer.status, answer.json]).toMatchObject([403, { code: 'SIGNATURE_REJECTED' }])
  })

  test.each([
    ['signed by somebody else', {}, other.privateKey],
    ['without a signature', { 'github-public-key-signature': '' }, pair.privateKey],
    ['with a signature that is none', { 'github-public-key-signature': 'AAAAAAAAAAAAAAAA' }, pair.privateKey],
    ['that names no key', { 'github-public-key-identifier': '' }, pair.privateKey],
    ['that names another key', { 'github-public-key-identifier': EXAMPLE.id }, pair.privateKey],
  ] as const)('%s is refused, and changes nothing', async (_, headers, signer) => {
    const key = await newKey()
    const answer = await fromGithub([match(key)], headers, signer)
    expect([answer.status, answer.json]).toMatchObject([403, { code: 'SIGNATURE_REJECTED' }])
    const last4 = await database.db
      .selectFrom('leakReport')
      .innerJoin('version', 'version.id', 'leakReport.versionId')
      .select('version.last4')
      .execute()
    expect(last4.map((row) => row.last4)).not.toContain(key.slice(-4))
  })

  test.each(['{"a":1}', '[{"token":1}]', 'no json', '', '[1]'])(
    'that is no list of matches is refused: %s',
    async (text) => {
      const answer = await fromGithub(text)
      expect([answer.status, answer.json]).toMatchObject([400, { code: 'INVALID_REQUEST' }])
    },
  )

  test('may be longer than other bodies, up to 1 MiB', async () => {
    const many = Array.from({ length: 1_000 }, (_, i) => match(`rk_auth_live_${i}`))
    const answer = await fromGithub(many)
    expect([answer.status, Array.isArray(answer.json) && answer.json.length]).toEqual([200, 1_000])
    expect((await fromGithub(`[${' '.repeat(1_100_000)}]`)).status).toBe(413)
  })

  test('without url, source or with fields that nobody knows yet is taken all the same', async () => {
    const key = await newKey()
    const answer = await fromGithub([{ token: key, type: 't', surprise: true, url: null }])
    expect(answer.json).toMatchObject([{ label: 'true_positive' }])
  })
})

describe('GitHub’s list of keys', () => {
  async function openKeys() {
    const list = await openKeyList()
    const clock = { now: 0 }
    return { ...list, clock, find: createGithubKeys(list.url, silent, () => clock.now) }
  }

  test('is fetched once for calls that arrive together, and kept for an hour', async () => {
    const { find, list, state, clock } = await openKeys()
    list('one', pem(pair))
    await Promise.all(Array.from({ length: 20 }, () => find('one')))
    clock.now = 59 * 60_000
    expect(await find('one')).not.toBeNull()
    expect(state.asked).toBe(1)
    clock.now = 61 * 60_000
    state.keys.length = 0
    expect(await find('one')).toBeNull()
    expect(state.asked).toBe(2)
  })

  test('is fetched anew for an id that is not in it, once a minute at most', async () => {
    const { find, list, state, clock } = await openKeys()
    list('one', pem(pair))
    await find('one')
    list('two', pem(other))
    expect(await find('two')).toBeNull()
    clock.now = 60_000
    expect(await find('two')).not.toBeNull()
    for (let i = 0; i < 10; i += 1) await find(`made up ${i}`)
    expect(state.asked).toBe(2)
  })

  test('is trusted for a day while GitHub can’t be reached, and no longer', async () => {
    const { find, list, state, clock } = await openKeys()
    list('one', pem(pair))
    await find('one')
    state.status = 500
    clock.now = 23 * 60 * 60_000
    expect(await find('one')).not.toBeNull()
    clock.now = 25 * 60 * 60_000
    expect(await outcome(find('one'))).toBe('UNAVAILABLE')
  })

  test.each([
    ['no JSON', 'nonsense'],
    ['another form', '{"keys":[]}'],
    ['endless', `{"public_keys":[]${' '.repeat(70_000)}}`],
  ])('that is %s counts as none', async (_, text) => {
    const { find, state } = await openKeys()
    state.text = text
    expect(await outcome(find('one'))).toBe('UNAVAILABLE')
  })

  test('may hold keys of other kinds, which sign nothing', async () => {
    const { find, list } = await openKeys()
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    list('rsa', pem(rsa))
    list('p384', pem(generateKeyPairSync('ec', { namedCurve: 'secp384r1' })))
    list('broken', 'no key')
    for (const id of ['rsa', 'p384', 'broken']) expect(await find(id)).toBeNull()
  })
})

describe('a report of somebody else’s', () => {
  const now = () => new Date()
  function signed(body: string, { secret = SECRET, at = now(), id = 'msg_1' } = {}) {
    const signature = new Webhook(secret).sign(id, at, body)
    const timestamp = String(Math.floor(at.getTime() / 1000))
    return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
  }
  function report(body: object, headers?: Record<string, string>, text = JSON.stringify(body)) {
    return desk.call('POST', '/v1/leak-reports', { text, headers: headers ?? signed(text) })
  }

  test('opens a rotation once, however often it comes', async () => {
    const body = { key: await newKey(), source: 'paste site', url: 'https://paste.example/1' }
    const answers = await Promise.all(Array.from({ length: 20 }, () => report(body)))
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers[0]?.json).toEqual({ known: true, rotation: expect.stringMatching(/^ROT-/) })
    expect(desk.logged.join('\n')).not.toContain(body.key)
  })

  test('of no key of ours says so', async () => {
    expect((await report({ key: 'sk_other', source: 'x' })).json).toEqual({ known: false, rotation: null })
  })

  test.each([
    ['with another secret', () => signed('{}', { secret: `whsec_${Buffer.alloc(32, 8).toString('base64')}` })],
    ['ten minutes old', () => signed('{"key":"x","source":"y"}', { at: new Date(Date.now() - 600_000) })],
    ['ten minutes ahead', () => signed('{"key":"x","source":"y"}', { at: new Date(Date.now() + 600_000) })],
    ['over another body', () => signed('{"key":"z","source":"y"}')],
    ['not signed', () => ({})],
    ['with a time that is none', () => ({ ...signed('{"key":"x","source":"y"}'), 'webhook-timestamp': 'soon' })],
  ])('%s is refused', async (_, headers) => {
    const answer = await report({ key: 'x', source: 'y' }, headers())
    expect([answer.status, answer.json]).toMatchObject([403, { code: 'SIGNATURE_REJECTED' }])
  })

  test('is looked at field by field, once it is signed', async () => {
    const answer = await report({ key: '', source: 'x', more: 1 })
    expect([answer.status, answer.json]).toMatchObject([
      400,
      { errors: expect.arrayContaining([expect.objectContaining({ pointer: '/more' })]) },
    ])
    expect((await report({ key: 'x'.repeat(70_000), source: 'x' })).status).toBe(413)
  })
})

test('a desk on which nothing is set up takes no reports, and says so', async () => {
  const plain = await openDesk(database)
  for (const path of ['/v1/leak-reports', '/v1/leak-reports/github']) {
    const answer = await plain.call('POST', path, { body: {} })
    expect([answer.status, answer.json]).toMatchObject([404, { code: 'NOT_FOUND' }])
    expect(answer.text).toContain('not set them up')
  }
})

test('a secret without a prefix is taken as base64 or as the text itself', async () => {
  const secret = 'correct horse battery staple'
  const plain = await openDesk(database, { leakReportSecret: secret })
  const text = JSON.stringify({ key: 'x', source: 'y' })
  const at = new Date()
  const signature = new Webhook(secret, { format: 'raw' }).sign('m', at, text)
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const headers = { 'webhook-id': 'm', 'webhook-timestamp': timestamp, 'webhook-signature': signature }
  expect((await plain.call('POST', '/v1/leak-reports', { text, headers })).status).toBe(200)
})

test('the staff see the reports, never a key, and nobody else does', async () => {
  const seen = await world.clients.agent.call('GET', '/v1/leak-reports?limit=2')
  expect(seen.json).toMatchObject({ items: [{ response: 'tell' }, {}], nextCursor: expect.any(String) })
  expect(seen.text).not.toMatch(/rk_auth_live/)
  expect((await world.clients.owner.call('GET', '/v1/leak-reports')).status).toBe(403)
})

test('too many reports from one network are refused for a while', async () => {
  const answers = await Promise.all(
    Array.from({ length: 310 }, () => desk.call('POST', '/v1/leak-reports', { text: '{}' })),
  )
  const refused = answers.filter(({ status }) => status === 429)
  expect(refused.length).toBeGreaterThan(0)
  expect(refused[0]?.headers['retry-after']).toMatch(/^\d+$/)
})
