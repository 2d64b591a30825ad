import { describe, expect, test } from 'vitest'
import { findServices } from '../../src/database/keys/services.ts'
import { findPeople } from '../../src/database/people/places.ts'
import { SESSION_COOKIE } from '../../src/web/session-cookie.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk, sealer } from '../support/web.ts'
import { enrolFirstAdmin, enrolOwner } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const admin = await enrolFirstAdmin(database.db, sealer)
const acme = { name: 'Acme', owner: { name: 'Ada Owner', email: 'ada@acme.example' } }
const owner = await enrolOwner(database.db, sealer, admin, acme)

type Visitor = typeof admin | null

function headersOf(visitor: Visitor): Record<string, string> {
  const cookie = visitor === null ? {} : { cookie: `${SESSION_COOKIE}=${visitor.sessionToken}` }
  return { accept: 'text/html', origin: desk.url, ...cookie }
}

async function post(visitor: Visitor, path: string, fields: Record<string, string>): Promise<number> {
  const text = new URLSearchParams({ formToken: visitor?.bearer.formToken ?? '', ...fields }).toString()
  const headers = { ...headersOf(visitor), 'content-type': 'application/x-www-form-urlencoded' }
  return (await desk.call('POST', path, { headers, text })).status
}

test.each(['/rotations/%00', '/rotations/%00/filed', '/services/%00/new-keys', '/rotations?after=%00'])(
  'there is no page at %s',
  async (path) => {
    expect((await desk.call('GET', path, { headers: headersOf(owner) })).status).toBe(404)
  },
)

test.each(['/organisations?before=%00', '/organisations?created=%00', '/gateways/%00/revocation'])(
  'there is no page of the staff at %s',
  async (path) => {
    expect((await desk.call('GET', path, { headers: headersOf(admin) })).status).toBe(404)
  },
)

describe('a form that no page made', () => {
  test.each(['/sign-in', '/sign-in/code', '/invitations/none'])('is refused when it is broken: %s', async (path) => {
    for (const type of ['multipart/form-data', 'multipart/form-data; boundary=x']) {
      const headers = { ...headersOf(null), 'content-type': type }
      expect((await desk.call('POST', path, { headers, text: 'no form' })).status).toBe(400)
    }
  })

  test('is refused when a field holds NUL', async () => {
    expect(await post(null, '/sign-in', { email: '\0', password: 'x' })).toBe(400)
    expect(await post(owner, '/services', { name: 'a\0b', environment: 'live' })).toBe(400)
    expect(await post(owner, '/rotations', { key: 'key_\0', reason: 'other', overlap: '0' })).toBe(400)
    expect(await post(owner, '/rotations/ROT-1/withdrawal', { '': '\0' })).toBe(404)
  })

  test.each(['', 'a b', 'x'.repeat(9_000)])('is refused with a draft like %j', async (draft) => {
    expect(await post(admin, '/gateways', { draft, name: 'Edge' })).toBe(400)
  })

  test('brings no name that hides something, whoever asks for it', async () => {
    for (const name of ['pay\u202emoc', 'pay\nments', '\u200b']) {
      expect(await post(owner, '/services', { name, environment: 'live' })).toBe(422)
      expect(await post(admin, '/gateways', { draft: 'one', name })).toBe(422)
    }
    const services = await findServices(database.db, owner.actor, { limit: 10 })
    expect(services.items).toEqual([])
  })
})

test('none of it was an error of ours, and nobody was added', async () => {
  expect(desk.logged.filter((line) => line.includes('request.failed'))).toEqual([])
  expect(await findPeople(database.db, owner.organisationId)).toHaveLength(1)
})
