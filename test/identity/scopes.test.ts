import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { findTokenBearer } from '../../src/identity/sign-in/bearers.ts'
import { createPersonalToken } from '../../src/identity/tokens/tokens.ts'
import { ACTIONS, type Action, type Role } from '../../src/rules/permissions.ts'
import { SCOPE_OF, SCOPES, type Scope } from '../../src/rules/token-scopes.ts'
import type { Route } from '../../src/web/api/route.ts'
import { API_ROUTES } from '../../src/web/api/routes.ts'
import { openTestDatabase } from '../support/database.ts'
import { outcome, refusalOf } from '../support/refusals.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'

const desk = await openDesk(await openTestDatabase())
const { db } = desk.desk
const expiresAt = new Date(Date.now() + 86_400_000)
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

const made = new Map<string, string>()

/** A token of somebody with this role that names these scopes. */
async function tokenWith(role: Role, scopes: readonly Scope[]): Promise<string> {
  const key = `${role} ${scopes.join(' ')}`
  const token =
    made.get(key) ?? (await createPersonalToken(db, world.people[role].actor, { name: 'x', expiresAt, scopes })).token
  made.set(key, token)
  return token
}

function call(token: string, route: Route): Promise<Answer> {
  const address = route.path.replace(':ref', 'ROT-999999').replace(/:\w+/g, 'svc_unknown')
  const body = route.method === 'get' ? {} : { body: { nonsense: true } }
  return desk.call(route.method.toUpperCase(), address, { ...body, headers: { authorization: `Bearer ${token}` } })
}

function codeOf(answer: Answer): string {
  return z.object({ code: z.string() }).safeParse(answer.json).data?.code ?? String(answer.status)
}

function isAction(access: Route['access']): access is Action {
  return Object.hasOwn(ACTIONS, access)
}

const guarded = API_ROUTES.flatMap((route) => {
  const { access } = route
  return isAction(access) ? [{ name: `${route.method} ${route.path}`, route, access }] : []
})

describe('a token does only what its scopes name', () => {
  test.each(guarded)('$name', async ({ route, access }) => {
    const needed = SCOPE_OF[access]
    for (const role of ACTIONS[access]) {
      const others = await tokenWith(
        role,
        SCOPES.filter((scope) => scope !== needed),
      )
      const refused = await call(others, route)
      expect([role, refused.status, codeOf(refused)]).toEqual([role, 403, 'NOT_IN_SCOPE'])
      expect(codeOf(await call(await tokenWith(role, [needed]), route))).not.toBe('NOT_IN_SCOPE')
      expect(codeOf(await call(await tokenWith(role, []), route))).not.toBe('NOT_IN_SCOPE')
    }
  })

  test('and a scope gives no role more than it has', async () => {
    for (const { route, access } of guarded) {
      const allowed: readonly Role[] = ACTIONS[access]
      if (allowed.includes('viewer')) continue
      expect(codeOf(await call(await tokenWith('viewer', SCOPES), route))).toBe('NOT_ALLOWED')
    }
  })

  test('and whatever asks for no action only tells who it is, or takes a code', () => {
    const open = API_ROUTES.filter(({ access }) => access === 'person').map(({ method, path }) => `${method} ${path}`)
    expect(open).toEqual(['get /v1/me', 'post /v1/step-up'])
  })

  test('and every scope is there for something', () => {
    expect(new Set(Object.values(SCOPE_OF))).toEqual(new Set(SCOPES))
  })
})

describe('the verbs', () => {
  test('ask for the scope themselves, so that no way around a route leads past it', async () => {
    const bearer = await findTokenBearer(db, await tokenWith('owner', ['read']))
    if (bearer === null) throw new Error('the token has no bearer')
    expect(await outcome(createPersonalToken(db, bearer.actor, { name: 'x', expiresAt }))).toBe('NOT_IN_SCOPE')
  })

  test('let a token make none that may do more than itself', async () => {
    const bearer = await findTokenBearer(db, await tokenWith('owner', ['account:manage', 'read']))
    if (bearer === null) throw new Error('the token has no bearer')
    const make = (scopes: string[]) => outcome(createPersonalToken(db, bearer.actor, { name: 'x', expiresAt, scopes }))
    expect(await make([])).toBe('NOT_IN_SCOPE')
    expect(await make(['read', 'rotations:file'])).toBe('NOT_IN_SCOPE')
    expect(await make(['read'])).toBe('done')
  })

  test('let a token make none that may be used from other addresses than itself', async () => {
    const { actor } = world.people.owner
    const bound = ['192.0.2.0/24', '2001:db8::1']
    const { token } = await createPersonalToken(db, actor, { name: 'bound', expiresAt, ipRanges: bound })
    const bearer = await findTokenBearer(db, token, '192.0.2.7')
    if (bearer === null) throw new Error('the token has no bearer')
    const make = (ipRanges: string[]) =>
      outcome(createPersonalToken(db, bearer.actor, { name: 'x', expiresAt, ipRanges }))
    for (const wider of [[], ['192.0.0.0/16'], ['203.0.113.7'], ['192.0.2.7', '203.0.113.7'], ['2001:db8::/32']]) {
      expect([wider, await make(wider)]).toEqual([wider, 'INVALID_REQUEST'])
    }
    for (const same of [bound, ['192.0.2.7'], ['192.0.2.128/25']])
      expect([same, await make(same)]).toEqual([same, 'done'])
  })
})

describe('making a token with scopes', () => {
  test('is refused for a scope that there isn’t, with the ones there are', async () => {
    const refusal = await refusalOf(
      createPersonalToken(db, world.people.owner.actor, { name: 'x', expiresAt, scopes: ['read', 'everything'] }),
    )
    expect(refusal.errors).toEqual([{ pointer: '/scopes', message: expect.stringContaining('rotations:file') }])
    const body = { name: 'x', expiresAt: expiresAt.toISOString(), scopes: ['everything'] }
    const answer = await world.clients.owner.confirmed('POST', '/v1/tokens', { body })
    expect([answer.status, codeOf(answer)]).toEqual([400, 'INVALID_REQUEST'])
  })

  test('shows them in the list, and the audit trail names what was made and the token it was made with', async () => {
    const body = { name: 'reader', expiresAt: expiresAt.toISOString(), scopes: ['read'] }
    const { id } = z
      .object({ id: z.string() })
      .parse((await world.clients.viewer.confirmed('POST', '/v1/tokens', { body })).json)
    const listed = await world.clients.viewer.call('GET', '/v1/tokens')
    const shown = { id, scopes: ['read'], unattended: false, ipRanges: [] }
    expect(listed.json).toMatchObject({ items: expect.arrayContaining([expect.objectContaining(shown)]) })
    const bearer = await findTokenBearer(db, world.clients.viewer.token)
    const entries = await db.selectFrom('auditEntry').select('body').where('action', '=', 'token.create').execute()
    const entry = entries.map((row): unknown => JSON.parse(row.body)).at(-1)
    expect(entry).toMatchObject({ token: id, scopes: ['read'], byToken: bearer?.id })
  })

  test('tells the person by mail', async () => {
    const { viewer } = world.people
    await createPersonalToken(db, viewer.actor, { name: 'told', expiresAt })
    const letters = await db
      .selectFrom('letter')
      .select(['toAddress', 'facts'])
      .where('kind', '=', 'security-notice')
      .where((letter) => letter(letter.ref('facts', '->>').key('about'), '=', 'told'))
      .execute()
    expect(letters).toMatchObject([{ toAddress: viewer.email, facts: { notice: 'token_made' } }])
  })
})
