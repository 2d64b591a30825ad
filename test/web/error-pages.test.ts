import { expect, test } from 'vitest'
import { Refusal } from '../../src/rules/refusals.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'

const BROKEN = 'relation "version" broke at rk_auth_live_0123456789abcdefghijABCDEFGHIJ'
const THROWN = {
  '/not-allowed': new Refusal('NOT_ALLOWED'),
  '/not-there': new Refusal('NOT_FOUND'),
  '/stale': new Refusal('STALE_REVISION'),
  '/void': new Refusal('INVITATION_VOID'),
  '/often': new Refusal('TOO_MANY_REQUESTS'),
  '/broken': new Error(BROKEN),
  '/away': new Refusal('UNAVAILABLE'),
} as const

const desk = await openDesk(await openTestDatabase(), {}, (app) => {
  for (const [path, error] of Object.entries(THROWN)) {
    app.get(path, () => {
      throw error
    })
  }
})

const headers = { accept: 'text/html' }

test.for([
  ['/not-allowed', 403, 'You may not do this'],
  ['/not-there', 404, 'There is nothing here'],
  ['/stale', 409, 'It changed while you were reading'],
  ['/often', 429, 'Too many tries'],
  ['/broken', 500, 'Something went wrong on our side'],
  ['/away', 503, 'The desk is not available right now'],
] as const)(
  '%s answers %i with a page: %s, whether anything was saved, what now, and a reference',
  async (expected) => {
    const [path, status, title] = expected
    const answer = await desk.call('GET', path, { headers })
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toContain('text/html')
    expect(answer.text).toContain(`<h1 class="ds-heading">${title}</h1>`)
    expect(answer.text).toContain('Nothing was saved or changed.')
    expect(answer.text).toContain(answer.headers['x-request-id'] ?? 'no id')
    expect(answer.text).not.toContain('rk_auth_live')
    expect(answer.text).not.toContain('relation')
  },
)

test('leads away from what stays refused, and back to what may work by now', async () => {
  expect((await desk.call('GET', '/not-allowed', { headers })).text).toContain('href="/">Go to the start page')
  expect((await desk.call('GET', '/void', { headers })).text).toContain('href="/sign-in">Sign in')
  expect((await desk.call('GET', '/often', { headers })).text).toContain('href="/often">Try again')
})

test('a page that refreshes a part of itself is sent to the sign-in as a whole once the session is over', async () => {
  const answer = await desk.call('GET', '/rotations', { headers: { ...headers, 'hx-request': 'true' } })
  expect(answer.status).toBe(401)
  expect(answer.headers['hx-redirect']).toBe('/sign-in?next=%2Frotations')
})
