import { beforeEach, describe, expect, test } from 'vitest'
import { makeRecoveryCodes } from '../../src/identity/account/recovery-codes.ts'
import { findSessionBearer } from '../../src/identity/sign-in/bearers.ts'
import { newestLetter, tokenInLetter } from '../support/account.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk, sealer } from '../support/web.ts'
import { type Household, makeHouseholds } from '../support/worlds/account-world.ts'
import { codeFor, type Enrolled, PASSWORD, signIn, unusedCode } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const { db } = database
const { newHousehold } = await makeHouseholds(db, sealer)
const NEW = 'two otters in a teapot'
let home: Household
let owner: Household['owner']

beforeEach(async () => {
  home = await newHousehold()
  owner = home.owner
})

type Visitor = { cookie: string; formToken: string }

function cookieOf(answer: Answer): string {
  return /__Host-rekey=[^;]+/.exec(answer.headers['set-cookie'] ?? '')?.[0] ?? ''
}

function visitorOf(person: Enrolled): Visitor {
  return { cookie: `__Host-rekey=${person.sessionToken}`, formToken: person.bearer.formToken ?? '' }
}

function get(path: string, visitor: Partial<Visitor> = {}): Promise<Answer> {
  return desk.call('GET', path, {
    headers: { accept: 'text/html', ...(visitor.cookie ? { cookie: visitor.cookie } : {}) },
  })
}

function post(
  path: string,
  fields: Record<string, string | string[]>,
  visitor: Partial<Visitor> = {},
): Promise<Answer> {
  const form = new URLSearchParams({ formToken: visitor.formToken ?? '' })
  for (const [name, value] of Object.entries(fields)) for (const each of [value].flat()) form.append(name, each)
  const headers = {
    accept: 'text/html',
    origin: desk.url,
    'content-type': 'application/x-www-form-urlencoded',
    ...(visitor.cookie ? { cookie: visitor.cookie } : {}),
  }
  return desk.call('POST', path, { headers, text: form.toString() })
}

function formTokenIn(answer: Answer): string {
  return /name="formToken" value="([^"]*)"/.exec(answer.text)?.[1] ?? ''
}

async function waitingForCode(password = PASSWORD): Promise<Visitor> {
  const answer = await post('/sign-in', { email: owner.email, password })
  const cookie = cookieOf(answer)
  return { cookie, formToken: formTokenIn(await get('/sign-in/code', { cookie })) }
}

describe('the forgotten password', () => {
  test('is asked for without signing in, and the answer is the same for an address that nobody has', async () => {
    const answers = [owner.email, 'nobody@acme.example', 'no address'].map((email) =>
      post('/forgot-password', { email }),
    )
    const texts = (await Promise.all(answers)).map(({ status, headers, text }) => [status, headers.location, text])
    expect(new Set(texts.map((text) => JSON.stringify(text))).size).toBe(1)
    expect(texts[0]).toEqual([303, '/forgot-password?sent=yes', ''])
    expect((await get('/forgot-password?sent=yes')).text).toContain('If there is an account of that address')
  })

  test('is set by the link and a code; looking at the link any number of times changes nothing', async () => {
    await post('/forgot-password', { email: owner.email })
    const path = `/reset-password/${await tokenInLetter(db, 'password-reset', owner.email)}`
    for (let i = 0; i < 2; i++) expect((await get(path)).text).toContain(owner.email)
    const wrong = await post(path, { newPassword: NEW, code: '000000' })
    expect([wrong.status, wrong.text]).toEqual([422, expect.stringContaining('That code was not accepted')])
    const bad = await post(path, { newPassword: 'short', code: await unusedCode(db, owner) })
    expect([bad.status, bad.text]).toEqual([422, expect.stringContaining('at least 12 characters')])
    const done = await post(path, { newPassword: NEW, code: await unusedCode(db, owner) })
    expect([done.status, done.text]).toEqual([200, expect.stringContaining('Your new password is set')])
    expect(done.headers['set-cookie']).toBeUndefined()
    const again = await post(path, { newPassword: NEW, code: await unusedCode(db, owner) })
    expect([again.status, again.text]).toEqual([410, expect.stringContaining('This link can’t be used any more')])
    expect((await get(path)).status).toBe(410)
    expect((await waitingForCode(NEW)).cookie).not.toBe('')
  })

  test('leaves its link in no log, in no referrer to another site, and in no cache', async () => {
    await post('/forgot-password', { email: owner.email })
    const token = await tokenInLetter(db, 'password-reset', owner.email)
    const answer = await get(`/reset-password/${token}`)
    await post(`/reset-password/${token}`, { newPassword: '', code: '' })
    await post(`/reset-password/${token}`, { newPassword: NEW, code: await unusedCode(db, owner) })
    expect(desk.logged.some((line) => line.includes('/reset-password/:token'))).toBe(true)
    expect(desk.logged.filter((line) => line.includes(token) || line.includes(NEW))).toEqual([])
    expect(answer.headers).toMatchObject({ 'referrer-policy': 'same-origin', 'cache-control': 'no-store' })
  })

  test('is not set by a form from another site', async () => {
    await post('/forgot-password', { email: owner.email })
    const path = `/reset-password/${await tokenInLetter(db, 'password-reset', owner.email)}`
    const headers = {
      accept: 'text/html',
      origin: 'https://evil.example',
      'content-type': 'application/x-www-form-urlencoded',
    }
    const text = new URLSearchParams({ newPassword: NEW, code: await unusedCode(db, owner) }).toString()
    expect((await desk.call('POST', path, { headers, text })).status).toBe(403)
    expect((await get(path)).status).toBe(200)
  })

  test('has a limit that is told in words', async () => {
    const answers = await Promise.all(Array.from({ length: 7 }, () => post('/forgot-password', { email: owner.email })))
    const refused = answers.filter(({ status }) => status === 422)
    expect(refused).toHaveLength(2)
    expect(refused[0]?.text).toContain('Too many calls')
  })
})

describe('the lost device', () => {
  test('is answered at the code step with a recovery code, which leads to setting up a new device', async () => {
    const codes = await makeRecoveryCodes(db, owner.bearer)
    const waiting = await waitingForCode()
    expect((await get('/sign-in/code', waiting)).text).toContain('href="/sign-in/recovery-code"')
    expect((await get('/sign-in/recovery-code', waiting)).text).toContain('href="/lost-access"')
    const wrong = await post('/sign-in/recovery-code', { code: 'AAAA-AAAA-AAAA-AAAA' }, waiting)
    expect([wrong.status, wrong.text]).toEqual([422, expect.stringContaining('That recovery code was not accepted')])
    const signedIn = await post('/sign-in/recovery-code', { code: codes[0] ?? '' }, waiting)
    expect([signedIn.status, signedIn.headers.location]).toEqual([303, '/account/code-device'])
    const cookie = cookieOf(signedIn)
    const page = await get('/account/code-device', { cookie })
    expect(page.text).toContain('so no code is needed')
    const visitor = { cookie, formToken: formTokenIn(page) }
    expect((await post('/account/code-device', {}, visitor)).status).toBe(303)
    const seed = /class="seed">([^<]+)</.exec((await get('/account/code-device', visitor)).text)?.[1] ?? ''
    const code = codeFor(seed.replaceAll(' ', ''))
    const replaced = await post('/account/code-device/first-code', { code }, visitor)
    expect(replaced.headers.location).toBe('/account/security?done=code-device')
    expect((await get('/account/security?done=code-device', { cookie: cookieOf(replaced) })).status).toBe(200)
    const again = await post(
      '/account/code-device/first-code',
      { code },
      { cookie: cookieOf(replaced), formToken: visitor.formToken },
    )
    expect(again.status).toBe(303)
  })

  test('has no page for who has not given a password', async () => {
    expect((await get('/sign-in/recovery-code')).headers.location).toBe('/sign-in')
    expect((await post('/sign-in/recovery-code', { code: 'x' })).headers.location).toBe('/sign-in')
    const visitor = visitorOf(owner)
    expect((await get('/sign-in/recovery-code', visitor)).headers.location).toBe('/sign-in')
  })
})

describe('my security', () => {
  test('asks for a code and the present password before the password changes, and keeps its reader signed in', async () => {
    await db.deleteFrom('stepUp').execute()
    const visitor = visitorOf(owner)
    const fields = { password: PASSWORD, newPassword: NEW }
    const noCode = await post('/account/password', fields, visitor)
    expect([noCode.status, noCode.text]).toEqual([422, expect.stringContaining('Enter the 6 digits')])
    expect(noCode.text).not.toContain(NEW)
    const wrong = await post(
      '/account/password',
      { ...fields, password: 'x', code: await unusedCode(db, owner) },
      visitor,
    )
    expect([wrong.status, wrong.text]).toEqual([422, expect.stringContaining('not your present password')])
    const renewed = { cookie: cookieOf(wrong), formToken: visitor.formToken }
    const done = await post('/account/password', fields, renewed)
    expect(done.headers.location).toBe('/account/security?done=password')
    expect((await get('/account/security?done=password', renewed)).text).toContain('Your password is changed.')
  })

  test('sends a link to the new address, which whoever opens it confirms by a form', async () => {
    const visitor = visitorOf(owner)
    const email = `new-${owner.email}`
    const sent = await post('/account/email', { email }, visitor)
    expect(sent.headers.location).toBe('/account/security?done=email')
    expect((await get('/account/security', visitor)).text).toContain(`sent to <bdi>${email}</bdi>`)
    const path = `/email-change/${await tokenInLetter(db, 'email-change', email)}`
    for (let i = 0; i < 2; i++) expect((await get(path)).text).toContain(owner.email)
    expect((await post(path, {})).text).toContain('Your address is changed')
    expect((await post(path, {})).status).toBe(410)
    expect(await findSessionBearer(db, owner.sessionToken)).toBeNull()
    expect(desk.logged.filter((line) => line.includes(path))).toEqual([])
  })

  test('shows recovery codes once, also when the form is sent twice', async () => {
    const visitor = visitorOf(owner)
    const draft = /name="draft" value="([^"]*)"/.exec((await get('/account/recovery-codes', visitor)).text)?.[1] ?? ''
    const made = await post('/account/recovery-codes', { draft }, visitor)
    const codes = [...made.text.matchAll(/<code>([^<]+)<\/code>/g)].map((match) => match[1] ?? '')
    expect(codes).toHaveLength(10)
    expect(made.headers['cache-control']).toBe('no-store')
    expect((await post('/account/recovery-codes', { draft }, visitor)).headers.location).toBe('/account/security')
    const page = await get('/account/security', visitor)
    expect(page.text).toContain('10 codes left')
    for (const code of codes) {
      expect(page.text).not.toContain(code)
      expect(desk.logged.filter((line) => line.includes(code))).toEqual([])
    }
  })

  test('lists the sessions, marks this one, and signs out a single one and the others', async () => {
    const others = [await signIn(db, sealer, owner), await signIn(db, sealer, owner)]
    const visitor = visitorOf(owner)
    const page = await get('/account/security', visitor)
    expect(page.text.match(/this one/g)).toHaveLength(1)
    expect(page.text.match(/198\.51\.100\.7/g)?.length).toBeGreaterThanOrEqual(2)
    await post(`/account/sessions/${others[0]?.bearer.id}/end`, {}, visitor)
    expect(await findSessionBearer(db, others[0]?.sessionToken ?? '')).toBeNull()
    expect(await findSessionBearer(db, others[1]?.sessionToken ?? '')).not.toBeNull()
    await post('/account/sessions/others/end', {}, visitor)
    expect(await findSessionBearer(db, others[1]?.sessionToken ?? '')).toBeNull()
    expect((await get('/account/security', visitor)).text).not.toContain('Sign out the others')
  })

  test('tells a locked person by mail alone; the sign-in answers as for anybody', async () => {
    const person = db.updateTable('person').where('id', '=', owner.actor.personId)
    await person.set({ lockedAt: new Date() }).execute()
    const locked = await post('/sign-in', { email: owner.email, password: PASSWORD })
    const unknown = await post('/sign-in', { email: owner.email.replace('ada', 'eva'), password: PASSWORD })
    const neutral = (text: string) => text.replaceAll(/ada|eva/g, '')
    expect(neutral(locked.text)).toBe(neutral(unknown.text))
    expect(locked.text).toContain('an account is locked')
    await post('/forgot-password', { email: owner.email })
    expect(await newestLetter(db, 'account-locked', owner.email)).toBeDefined()
  })
})

describe('the form for a token', () => {
  const days = '30'

  test('makes one that may do what is ticked, and shows it in the list', async () => {
    const visitor = visitorOf(owner)
    const fields = { draft: 'one', name: 'reader', reach: 'some', scopes: ['read', 'rotations:file'], days }
    const made = await post('/tokens', fields, visitor)
    expect([made.status, made.text]).toEqual([200, expect.stringMatching(/rkp_[0-9A-Za-z]{43}/)])
    const list = (await get('/tokens', visitor)).text
    expect(list).toContain('see services, rotations, reports and the audit trail; file and withdraw rotations')
  })

  test('never takes nothing ticked for everything', async () => {
    const refused = await post('/tokens', { draft: 'two', name: 'x', reach: 'some', days }, visitorOf(owner))
    expect([refused.status, refused.text]).toEqual([422, expect.stringContaining('Tick what the token may do.')])
    const neither = await post('/tokens', { draft: 'two', name: 'x', days }, visitorOf(owner))
    expect([neither.status, neither.text]).toEqual([422, expect.stringContaining('Choose what the token may do.')])
  })

  test('makes an unattended one, and says at each field what it lacks', async () => {
    const visitor = visitorOf(owner)
    const fields = { draft: 'three', name: 'machine', reach: 'some', scopes: ['rotations:file'], unattended: 'yes' }
    const refused = await post('/tokens', { ...fields, scopes: ['audit'], days: '365', ipRanges: '' }, visitor)
    expect(refused.status).toBe(422)
    for (const words of ['at most 90 days', 'There is no scope', 'Say which addresses'])
      expect(refused.text).toContain(words)
    const ipRanges = '203.0.113.0/24\r\n2001:db8::/32'
    const code = await unusedCode(db, owner)
    const made = await post('/tokens', { ...fields, days: '90', ipRanges, code }, visitor)
    expect([made.status, made.text]).toEqual([200, expect.stringContaining('rkp_')])
    const renewed = { cookie: cookieOf(made) }
    expect((await get('/tokens', renewed)).text).toContain('203.0.113.0/24, 2001:db8::/32')
  })

  test('offers each role what it can use, and the unattended kind to owners', async () => {
    const forOwner = (await get('/tokens/new', visitorOf(owner))).text
    const forDeveloper = (await get('/tokens/new', visitorOf(home.developer))).text
    expect(forOwner).toContain('value="rotations:file"')
    expect(forOwner).not.toContain('value="rotations:decide"')
    expect(forOwner).toContain('name="unattended"')
    expect(forDeveloper).not.toContain('value="rotations:file"')
    expect(forDeveloper).not.toContain('name="unattended"')
    const fields = {
      draft: 'four',
      name: 'x',
      reach: 'some',
      scopes: ['versions:reveal'],
      days,
      unattended: 'yes',
      ipRanges: '203.0.113.1',
    }
    expect((await post('/tokens', fields, visitorOf(home.developer))).status).toBe(403)
  })
})
