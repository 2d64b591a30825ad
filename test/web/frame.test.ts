import { describe, expect, test } from 'vitest'
import { Refusal } from '../../src/rules/refusals.ts'
import { SESSION_COOKIE } from '../../src/web/session-cookie.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk, sealer } from '../support/web.ts'
import { enrolFirstAdmin } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database, {}, (app) => {
  app.get('/broken', () => {
    throw new Error('rk_auth_live_0123456789abcdefghijklmnop fell over')
  })
  app.post('/test/anything', (c) => c.json({ method: c.req.method }))
  app.get('/v1/address', (c) => c.json({ address: c.get('address') }))
})
const https = await openDesk(database, { publicUrl: 'https://keys.example.com' })
const proxied = await openDesk(database, { trustedProxies: ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'] }, (app) => {
  app.get('/v1/address', (c) => c.json({ address: c.get('address') }))
})

const BROWSER = { accept: 'text/html,application/xhtml+xml' }

describe('the security headers', () => {
  test.each([
    ['200', 'GET', '/healthz', {}],
    ['200', 'GET', '/set-up', { headers: BROWSER }],
    ['303', 'GET', '/rotations', { headers: BROWSER }],
    ['400', 'POST', '/v1/keys/verify', { text: '{', headers: { 'content-type': 'application/json' } }],
    ['401', 'GET', '/v1/me', {}],
    ['403', 'POST', '/v1/step-up', { headers: { origin: 'https://evil.example' } }],
    ['404', 'GET', '/nothing', { headers: BROWSER }],
    ['404', 'GET', '/v1/nothing', {}],
    ['405', 'DELETE', '/v1/me', {}],
    ['413', 'POST', '/v1/keys/verify', { text: 'x'.repeat(70_000) }],
    ['421', 'GET', '/', { headers: { host: 'evil.example' } }],
    ['500', 'GET', '/broken', {}],
    ['500', 'GET', '/broken', { headers: BROWSER }],
    ['400', 'GET', '/', { headers: { host: 'a b' } }],
  ])('are there on %s: %s %s', async (status, method, path, sent) => {
    const answer = await desk.call(method, path, sent)
    expect(String(answer.status)).toBe(status)
    const policy = answer.headers['content-security-policy'] ?? ''
    expect(policy).not.toContain('unsafe')
    for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]) {
      expect(policy).toContain(part)
    }
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
    expect(answer.headers['referrer-policy']).toBe('same-origin')
    expect(answer.headers['cross-origin-opener-policy']).toBe('same-origin')
    expect(answer.headers['cross-origin-resource-policy']).toBe('same-origin')
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.headers['x-powered-by']).toBeUndefined()
  })

  test('add strict transport security once the desk is on https', async () => {
    const secure = await https.call('GET', '/', { headers: { host: 'keys.example.com' } })
    expect(secure.headers['strict-transport-security']).toContain('max-age=')
    expect((await desk.call('GET', '/healthz')).headers['strict-transport-security']).toBeUndefined()
  })

  test('let browsers keep assets for ever, whose names change with their content', async () => {
    const page = await desk.call('GET', '/docs')
    const address = /href="(\/assets\/swagger-ui-[0-9a-f]{16}\.css)"/.exec(page.text)?.[1] ?? ''
    const asset = await desk.call('GET', address)
    expect([asset.status, asset.headers['content-type']]).toEqual([200, 'text/css; charset=utf-8'])
    expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(asset.headers['x-content-type-options']).toBe('nosniff')
    for (const path of ['/assets/nothing.css', '/assets/..%2f..%2fpackage.json', '/assets/../../package.json']) {
      expect((await desk.call('GET', path)).status).toBe(404)
    }
  })
})

describe('a host that is not ours', () => {
  test.each(['evil.example', '127.0.0.1', '127.0.0.1:1', 'localhost.evil.example', '127.0.0.1.evil.example'])(
    'is refused: %s',
    async (host) => {
      const answer = await desk.call('GET', '/v1/me', { headers: { host } })
      expect([answer.status, answer.json]).toEqual([421, expect.objectContaining({ code: 'UNKNOWN_HOST' })])
    },
  )

  test('is no reason to refuse a probe', async () => {
    for (const path of ['/healthz', '/readyz']) {
      expect((await desk.call('GET', path, { headers: { host: '10.1.2.3:8080' } })).status).toBe(200)
    }
  })

  test('is never forwarded by a header', async () => {
    const headers = { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' }
    const { text, headers: answered } = await desk.call('GET', '/rotations', { headers: { ...BROWSER, ...headers } })
    expect(text + JSON.stringify(answered)).not.toContain('evil.example')
  })

  test('is refused on https when it is the loopback', async () => {
    expect((await https.call('GET', '/v1/me')).status).toBe(421)
  })

  test('leads a page on this machine to PUBLIC_URL, and nowhere else', async () => {
    const alias = desk.url.replace('http://127.0.0.1', 'localhost')
    const page = await desk.call('GET', '/sign-in?next=%2Fqueue', { headers: { ...BROWSER, host: alias } })
    expect([page.status, page.headers.location]).toEqual([302, `${desk.url}/sign-in?next=%2Fqueue`])
    expect((await desk.call('GET', '/v1/me', { headers: { host: alias } })).status).toBe(401)
    const odd = await desk.call('GET', '//evil.example/x', { headers: { ...BROWSER, host: alias } })
    expect(odd.headers.location ?? `${desk.url}/`).toBe(`${desk.url}/`)
  })
})

describe('a call that changes something', () => {
  const own = desk.url
  const evil = 'https://evil.example'
  const TYPES = [
    'application/json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
  ]
  const cookie = `${SESSION_COOKIE}=whatever`
  const SENDERS: [says: string, headers: Record<string, string>, taken: boolean][] = [
    ['own origin', { origin: own }, true],
    ['own origin with a session', { origin: own, cookie, 'sec-fetch-site': 'same-origin' }, true],
    ['a program without a session', {}, true],
    ['a program with a token', { authorization: 'Bearer rkp_x' }, true],
    ['a program with a token and a session', { authorization: 'Bearer rkp_x', cookie }, true],
    ['a session that says same-origin', { cookie, 'sec-fetch-site': 'same-origin' }, true],
    ['another origin', { origin: evil }, false],
    ['another origin with a token', { origin: evil, authorization: 'Bearer rkp_x' }, false],
    ['another port', { origin: 'http://127.0.0.1:1' }, false],
    ['another scheme', { origin: own.replace('http:', 'https:') }, false],
    ['an opaque origin', { origin: 'null' }, false],
    ['own origin from elsewhere', { origin: own, 'sec-fetch-site': 'cross-site' }, false],
    ['a session without an origin', { cookie }, false],
    ['a session from a neighbour', { cookie, 'sec-fetch-site': 'same-site' }, false],
    ['a session from elsewhere', { cookie, 'sec-fetch-site': 'cross-site' }, false],
    ['a session typed into the address bar', { cookie, 'sec-fetch-site': 'none' }, false],
    ['elsewhere without a session', { 'sec-fetch-site': 'cross-site' }, false],
  ]
  const CASES = SENDERS.flatMap(([says, headers, taken]) =>
    TYPES.map((type) => ({ says, type, taken, headers: { ...headers, 'content-type': type } })),
  )

  test.each(CASES)('from $says as $type: taken $taken', async ({ headers, taken }) => {
    const onPage = !('authorization' in headers && 'cookie' in headers)
    for (const path of onPage ? ['/test/anything', '/v1/step-up'] : ['/v1/step-up']) {
      const answer = await desk.call('POST', path, { headers, text: '{}' })
      const refused = answer.status === 403 && JSON.stringify(answer.json).includes('FOREIGN_ORIGIN')
      expect(!refused).toBe(taken)
    }
  })

  test('on a page counts for its session, whatever token is beside it', async () => {
    const headers = { cookie, authorization: 'Bearer rkp_x' }
    expect((await desk.call('POST', '/test/anything', { headers })).status).toBe(403)
  })

  test('with a session needs the form token of that session on a page', async () => {
    const admin = await enrolFirstAdmin(database.db, sealer)
    const headers = {
      origin: own,
      cookie: `${SESSION_COOKIE}=${admin.sessionToken}`,
      'content-type': 'application/x-www-form-urlencoded',
    }
    const post = async (text: string) => (await desk.call('POST', '/test/anything', { headers, text })).status
    expect(await post(`formToken=${admin.bearer.formToken}`)).toBe(200)
    expect(await post('formToken=somebody-elses')).toBe(403)
    expect(await post('')).toBe(403)
    const json = { ...headers, 'content-type': 'application/json' }
    expect((await desk.call('POST', '/test/anything', { headers: json, text: '{}' })).status).toBe(403)
  })
})

describe('a body', () => {
  test('of 64 KiB is taken, of one byte more is refused, whether or not its length is told', async () => {
    const headers = { 'content-type': 'application/json' }
    const fits = `{"key":"${'x'.repeat(65_536 - 10)}"}`
    expect(Buffer.byteLength(fits)).toBe(65_536)
    expect((await desk.call('POST', '/v1/keys/verify', { headers, text: fits })).status).toBe(401)
    const over = await desk.call('POST', '/v1/keys/verify', { headers, text: `${fits} ` })
    expect([over.status, over.json]).toEqual([413, expect.objectContaining({ code: 'TOO_LARGE' })])
    const chunked = { ...headers, 'transfer-encoding': 'chunked' }
    expect((await desk.call('POST', '/v1/keys/verify', { headers: chunked, text: `${fits} ` })).status).toBe(413)
  })
})

describe('an error', () => {
  test('tells its id and nothing of its own text, and the log knows the id and no key', async () => {
    const answer = await desk.call('GET', '/broken')
    expect(answer.json).toMatchObject({ status: 500, code: 'INTERNAL', instance: expect.stringMatching(/^urn:uuid:/) })
    expect(answer.text).not.toContain('fell over')
    const id = answer.headers['x-request-id'] ?? 'none'
    const line = desk.logged.find((text) => text.includes('request.failed') && text.includes(id)) ?? ''
    expect(line).toContain('fell over')
    expect(line).not.toContain('0123456789abcdef')
  })

  test('is a page for a browser and a problem for the API, whatever the browser accepts', async () => {
    const page = await desk.call('GET', '/nothing', { headers: BROWSER })
    expect(page.headers['content-type']).toContain('text/html')
    expect(page.text).toContain(page.headers['x-request-id'] ?? 'none')
    const api = await desk.call('GET', '/v1/nothing', { headers: BROWSER })
    expect(api.headers['content-type']).toBe('application/problem+json')
    expect(api.json).toMatchObject({ type: 'about:blank', status: 404, code: 'NOT_FOUND' })
  })

  test('of the wrong method names the right ones', async () => {
    const answer = await desk.call('PUT', '/v1/rotations')
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST, GET, HEAD'])
    expect(answer.json).toMatchObject({ code: 'METHOD_NOT_ALLOWED' })
  })

  test('sends a browser without a session to the sign-in, and back to its own path alone', async () => {
    const answer = await desk.call('GET', '/rotations?status=submitted', { headers: BROWSER })
    expect([answer.status, answer.headers.location]).toEqual([303, '/sign-in?next=%2Frotations%3Fstatus%3Dsubmitted'])
  })
})

describe('the access log', () => {
  test('has the pattern of the route and never the path', async () => {
    await desk.call('GET', '/v1/rotations/ROT-987654321012?cursor=secret-looking')
    await desk.call('GET', '/nowhere/with-a-token')
    const lines = desk.logged.join('')
    expect(lines).toContain('"route":"/v1/rotations/:ref"')
    expect(lines).not.toContain('987654321012')
    expect(lines).not.toContain('secret-looking')
    expect(lines).not.toContain('with-a-token')
  })
})

describe('the client address', () => {
  const seen = async (over: typeof desk, forwarded: string) => {
    const headers = forwarded === '' ? {} : { 'x-forwarded-for': forwarded }
    return (await over.call('GET', '/v1/address', { headers })).json
  }

  test('is the peer when no proxy is trusted, whatever is claimed', async () => {
    expect(await seen(desk, '203.0.113.9')).toEqual({ address: '127.0.0.1' })
  })

  test.each([
    ['203.0.113.9', '203.0.113.9'],
    ['6.6.6.6, 203.0.113.9', '203.0.113.9'],
    ['6.6.6.6, 203.0.113.9, 10.1.2.3', '203.0.113.9'],
    ['203.0.113.9, ::ffff:10.1.2.3', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8::7, fd00::1', '2001:db8::7'],
    ['6.6.6.6, nonsense, 10.1.2.3', '10.1.2.3'],
    ['10.9.9.9, 10.1.2.3', '10.9.9.9'],
    ['', '127.0.0.1'],
  ])('behind trusted proxies is the right-most hop that is none: %s', async (forwarded, address) => {
    expect(await seen(proxied, forwarded)).toEqual({ address })
  })
})

test('a refusal tells when to try again', async () => {
  const busy = await openDesk(database, {}, (app) => {
    app.get('/v1/busy', () => {
      throw new Refusal('TOO_MANY_REQUESTS', { retryAfterSeconds: 17 })
    })
  })
  const answer = await busy.call('GET', '/v1/busy')
  expect([answer.status, answer.headers['retry-after']]).toEqual([429, '17'])
})
