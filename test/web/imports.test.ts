import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createGateway } from '../../src/keyring/gateways.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import { unusedCode } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const NDJSON = { 'content-type': 'application/x-ndjson' }
const shape = z.looseObject({ id: z.string(), status: z.string(), added: z.int(), known: z.int(), refused: z.int() })
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

function lineOf(key: string, more: object = {}): string {
  const sha256 = createHash('sha256').update(key).digest('hex')
  return JSON.stringify({ serviceId: world.place.serviceId, kind: 'auth', sha256, ...more })
}

function send(text: string, query = '') {
  return world.clients.admin.confirmed('POST', `/v1/imports${query}`, { text, headers: NDJSON })
}

describe('an import by API', () => {
  test('adds keys that verify finds from then on, whatever they look like', async () => {
    const { token } = await createGateway(database.db, world.people.admin.actor, { name: 'edge' })
    const headers = { authorization: `Bearer ${token}` }
    const verify = async (key: string) => (await desk.call('POST', '/v1/keys/verify', { body: { key }, headers })).json
    const keys = ['sk_live_51H8', 'ключ с пробелами', `${'x'.repeat(256)}`, 'p@ss/w+rd==', '4fzzzxjylrx']
    for (const key of keys) expect(await verify(key)).toMatchObject({ valid: false, code: 'NOT_FOUND' })
    const answer = await send(keys.map((key) => lineOf(key, { last4: 'abcd' })).join('\n'))
    expect([answer.status, answer.json]).toMatchObject([201, { status: 'finished', added: 5, refused: 0 }])
    for (const key of keys) {
      const { serviceId } = world.place
      expect(await verify(key)).toMatchObject({ valid: true, code: 'VALID', serviceId, kind: 'auth' })
    }
  })

  test('as a dry run adds nothing, and names what is broken by its line', async () => {
    const answer = await send(`${lineOf('dry')}\nnonsense\n`, '?dryRun=true')
    expect(answer.json).toMatchObject({
      dryRun: true,
      lines: 2,
      added: 1,
      errors: [{ line: 2, problem: 'This is no well-formed JSON.' }],
    })
    expect((await send(lineOf('dry'))).json).toMatchObject({ added: 1, known: 0 })
    expect((await send(lineOf('dry'))).json).toMatchObject({ added: 0, known: 1 })
  })

  test('can be read again, and listed', async () => {
    const { id } = shape.parse((await send(lineOf('read again'))).json)
    const { admin, owner } = world.clients
    expect((await admin.call('GET', `/v1/imports/${id}`)).json).toMatchObject({
      id,
      status: 'finished',
      by: 'Ines Admin',
    })
    expect((await admin.call('GET', '/v1/imports?limit=1')).json).toMatchObject({ items: [{ id }] })
    expect((await admin.call('GET', '/v1/imports/imp_unknown')).status).toBe(404)
    expect((await owner.call('GET', `/v1/imports/${id}`)).status).toBe(403)
  })

  test('is much larger than other bodies may be, without telling its length', async () => {
    const text = Array.from({ length: 3_000 }, (_, i) => lineOf(`large ${i}`)).join('\n')
    const headers = { ...NDJSON, 'transfer-encoding': 'chunked' }
    const answer = await world.clients.admin.confirmed('POST', '/v1/imports', { text, headers })
    expect(answer.json).toMatchObject({ lines: 3_000, added: 3_000, refused: 0 })
  })

  test.each(['', 'a,b,c', '\n'])('of what is no such file is refused: %j', async (text) => {
    const answer = await send(text)
    expect([answer.status, answer.json]).toMatchObject([400, { code: 'INVALID_REQUEST' }])
  })

  test('needs a step-up and an administrator', async () => {
    const { admin, owner } = world.clients
    expect((await admin.call('POST', '/v1/imports', { text: '{}' })).json).toMatchObject({ code: 'STEP_UP_REQUIRED' })
    expect((await owner.confirmed('POST', '/v1/imports', { text: '{}' })).json).toMatchObject({ code: 'NOT_ALLOWED' })
    expect((await desk.call('POST', '/v1/imports', { text: '{}' })).status).toBe(401)
  })
})

describe('an import by page', () => {
  async function upload(
    fields: Record<string, string>,
    file: string | null,
  ): Promise<{ status: number; text: string; location: string }> {
    const { admin } = world.people
    const form = new FormData()
    for (const [name, value] of Object.entries({ formToken: admin.bearer.formToken ?? '', ...fields }))
      form.set(name, value)
    if (file !== null) form.set('file', new File([file], 'keys.csv'))
    const body = new Response(form)
    const headers = {
      accept: 'text/html',
      origin: desk.url,
      cookie: `__Host-rekey=${admin.sessionToken}`,
      'content-type': body.headers.get('content-type') ?? '',
    }
    const {
      status,
      text,
      headers: got,
    } = await desk.call('POST', '/desk/imports', { text: await body.text(), headers })
    return { status, text, location: got.location ?? '' }
  }
  const draft = () => ({ draft: crypto.randomUUID() })

  async function openPage(path: string): Promise<string> {
    const headers = { accept: 'text/html', cookie: `__Host-rekey=${world.people.admin.sessionToken}` }
    return (await desk.call('GET', path, { headers })).text
  }

  test('says what was added and which lines were refused, however often the form is sent', async () => {
    const csv = `serviceId,kind,sha256\n${world.place.serviceId},auth,${'ab'.repeat(32)}\n${world.place.serviceId},auth,short\n`
    const fields = draft()
    const done = await upload({ ...fields, code: await unusedCode(database.db, world.people.admin) }, csv)
    expect([done.status, done.location]).toEqual([303, expect.stringMatching(/^\/desk\/imports\/imp_/)])
    const page = await openPage(done.location)
    expect(page).toContain('1 added')
    expect(page).toContain('sha256 is not 64 hexadecimal digits.')
    expect((await upload(fields, csv)).location).toBe('/desk/imports')
    expect(await openPage('/desk/imports')).toContain('keys.csv')
  })

  test.each([
    ['without a file', null, 'Choose a file.'],
    ['of an empty file', '', 'Choose a file that is not empty.'],
    ['of a file without such columns', 'a,b\n1,2', 'names a column'],
  ])('%s leads back to the form with what is wrong', async (_, file, words) => {
    const code = await unusedCode(database.db, world.people.admin)
    const answer = await upload({ ...draft(), code }, file)
    expect(answer.status).toBe(422)
    expect(answer.text).toContain(words)
  })
})
