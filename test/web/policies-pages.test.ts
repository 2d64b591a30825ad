import { beforeAll, expect, test } from 'vitest'
import { findPolicies, findPolicy } from '../../src/database/policy.ts'
import { SESSION_COOKIE } from '../../src/web/session-cookie.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import { unusedCode } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const { db } = database
const desk = await openDesk(database)
let world: ApiWorld
/** Each code gives the session another one. */
let sessionToken: string

beforeAll(async () => {
  world = await makeApiWorld(desk)
  sessionToken = world.people.admin.sessionToken
})

function headers() {
  const cookie = `${SESSION_COOKIE}=${sessionToken}`
  return { accept: 'text/html', cookie, origin: desk.url, 'content-type': 'application/x-www-form-urlencoded' }
}

function inputs(page: string): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [tag] of page.matchAll(/<input [^>]*>/g)) {
    const name = / name="([^"]+)"/.exec(tag)?.[1]
    if (name !== undefined && name !== 'code') fields[name] = / value="([^"]*)"/.exec(tag)?.[1] ?? ''
  }
  for (const [, name = '', options = ''] of page.matchAll(/<select [^>]*name="([^"]+)"[^>]*>(.*?)<\/select>/gs)) {
    fields[name] = /value="([^"]*)" selected/.exec(options)?.[1] ?? ''
  }
  for (const [, name = '', text = ''] of page.matchAll(/<textarea [^>]*name="([^"]+)"[^>]*>(.*?)<\/textarea>/gs)) {
    fields[name] = text
  }
  return fields
}

async function open(path: string): Promise<string> {
  return (await desk.call('GET', path, { headers: headers() })).text
}

/** Sends the page's own form, or one that was opened before, with what is typed over it. */
async function send(path: string, typed: Record<string, string>, page?: string) {
  const code = await unusedCode(db, world.people.admin)
  const text = new URLSearchParams({ ...inputs(page ?? (await open(path))), code, ...typed }).toString()
  const answer = await desk.call('POST', path, { headers: headers(), text })
  sessionToken = /rekey=([^;]+)/.exec(answer.headers['set-cookie'] ?? '')?.[1] ?? sessionToken
  return answer
}

test('the desk’s form sent as it is shown changes nothing, to the second', async () => {
  const odd = {
    longestOverlapSeconds: 1_234_567,
    cooldownSeconds: 100,
    filingRanges: ['192.0.2.0/24', '2001:db8::/32'],
  }
  await db.updateTable('policy').set(odd).execute()
  const before = await findPolicy(db)
  expect((await send('/desk/policies', {})).status).toBe(303)
  expect(await findPolicy(db)).toEqual(before)
  await db
    .updateTable('policy')
    .set({ longestOverlapSeconds: 2_592_000, cooldownSeconds: 0, filingRanges: [] })
    .execute()
})

test('times that are no whole days or hours stand in words in the form, and may be typed so', async () => {
  expect(
    (await send('/desk/policies', { overlapByReasonSecondsLost: '1 hour', cooldownSeconds: '30 min' })).status,
  ).toBe(303)
  expect(await findPolicy(db)).toMatchObject({ overlapByReason: { lost: 3_600 }, cooldownSeconds: 1_800 })
  const page = await open('/desk/policies')
  expect(inputs(page)).toMatchObject({ overlapByReasonSecondsLost: '1 hour', cooldownSeconds: '30 minutes' })
  expect(page).not.toContain('0.041667')
  const wrong = await send('/desk/policies', { cooldownSeconds: '1 week' })
  expect(wrong.status).toBe(422)
  expect(inputs(wrong.text).cooldownSeconds).toBe('1 week')
  expect(wrong.text).toContain('Enter hours from 0 to 168, or a time such as 30 minutes.')
  expect((await send('/desk/policies', { overlapByReasonSecondsLost: '', cooldownSeconds: '0' })).status).toBe(303)
})

test('what is typed is the desk’s policy then, and the page says so', async () => {
  const page = await open('/desk/policies')
  const typed = { overlapByReasonSecondsLost: '0,5', cooldownSeconds: '2', fileAgeDays: '60', leakResponse: 'shorten' }
  expect((await send('/desk/policies', typed, page)).headers.location).toBe('/desk/policies?done')
  const changed = {
    overlapByReason: { lost: 43_200 },
    cooldownSeconds: 7_200,
    fileAgeDays: 60,
    leakResponse: 'shorten',
  }
  expect(await findPolicy(db)).toMatchObject(changed)
  expect(await open('/desk/policies?done')).toContain('for what is filed from now on')
  // the same form a second time: it is done already
  expect((await send('/desk/policies', typed, page)).status).toBe(303)
})

test('a form that somebody else was faster than is shown anew, as it is now', async () => {
  const page = await open('/desk/policies')
  await send('/desk/policies', { remindAgeDays: '80' }, page)
  const late = await send('/desk/policies', { remindAgeDays: '70' }, page)
  expect(late.status).toBe(422)
  expect(late.text).toContain('Somebody changed it since you opened it')
  expect(inputs(late.text).remindAgeDays).toBe('80')
})

test('nonsense comes back at its field, with what was typed', async () => {
  const wrong = {
    longestOverlapSeconds: '1',
    overlapByReasonSecondsLost: '',
    cooldownSeconds: '25',
    filingRanges: 'here',
  }
  const ranges = await send('/desk/policies', wrong)
  expect(ranges.text).toContain('href="#filingRanges"')
  const cooldown = await send('/desk/policies', { ...wrong, filingRanges: '' })
  expect(cooldown.status).toBe(422)
  expect(cooldown.text).toContain('href="#cooldownSeconds"')
  expect(inputs(cooldown.text)).toMatchObject({ longestOverlapSeconds: '1', cooldownSeconds: '25' })
  const words = await send('/desk/policies', { keysPerService: 'many', overlapByReasonSecondsStaff_change: '31' })
  for (const id of ['keysPerService', 'overlapByReasonSecondsStaff_change'])
    expect(words.text).toContain(`href="#${id}"`)
})

test('a service has what is typed for it, goes back to the desk’s with empty fields, and is listed meanwhile', async () => {
  const path = `/desk/policies/${world.place.serviceId}`
  await db
    .updateTable('policy')
    .set({ filingRanges: ['192.0.2.0/24'] })
    .execute()
  const typed = { longestOverlapSeconds: '7', selfService: 'yes', filingRanges: 'anywhere', remindAgeDays: '0' }
  expect((await send(path, typed)).status).toBe(303)
  const own = { longestOverlapSeconds: 604_800, selfService: true, filingRanges: [], remindAgeDays: null }
  const policy = async () => (await findPolicies(db, [world.place.serviceId])).get(world.place.serviceId)
  expect(await policy()).toMatchObject(own)
  expect(inputs(await open(path))).toMatchObject({ filingRanges: 'anywhere', remindAgeDays: '0' })
  expect(await open('/desk/policies')).toContain('longest overlap 7 days')
  await send(path, { longestOverlapSeconds: '', selfService: 'desk', filingRanges: '', remindAgeDays: '' })
  expect(await policy()).toMatchObject({ selfService: false, filingRanges: ['192.0.2.0/24'] })
  expect(await open('/desk/policies')).toContain('Every service has the desk’s policy')
})

test('the form of a rotation offers what the policy allows, says why, and lets nobody go on with more', async () => {
  const { serviceId, authKeyId } = world.place
  await db
    .updateTable('policy')
    .set({ longestOverlapSeconds: 604_800, overlapByReason: '{"lost":3600}', cooldownSeconds: 0, filingRanges: [] })
    .execute()
  const owner = { ...headers(), cookie: `${SESSION_COOKIE}=${world.people.owner.sessionToken}` }
  const page = (await desk.call('GET', '/rotations/new', { headers: owner })).text
  expect(page).not.toContain('value="2592000"')
  expect(page).toMatch(/value="604800" checked/)
  expect(page).toContain('By the policy of the desk: at most 7 days')
  const formToken = world.people.owner.bearer.formToken ?? ''
  const sent = {
    formToken,
    key: authKeyId,
    reason: 'lost',
    details: '',
    notBefore: '',
    overlap: '86400',
    otherDays: '',
  }
  const check = (typed: Record<string, string>) =>
    desk.call('POST', '/rotations/check', {
      headers: owner,
      text: new URLSearchParams({ ...sent, ...typed }).toString(),
    })
  const refused = await check({})
  expect(refused.status).toBe(422)
  expect(refused.text).toContain('the policy allows an overlap of at most 1 hour')
  expect((await check({ overlap: '3600' })).status).toBe(200)
  await db
    .insertInto('servicePolicy')
    .values({ serviceId, filingRanges: ['192.0.2.0/24'] })
    .onConflict((on) => on.column('serviceId').doUpdateSet({ filingRanges: ['192.0.2.0/24'] }))
    .execute()
  expect((await check({ overlap: '3600' })).text).toContain('only taken from addresses that the desk knows')
})
