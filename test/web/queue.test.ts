import { beforeAll, describe, expect, test } from 'vitest'
import { findSavedViews } from '../../src/database/queue/saved-views.ts'
import { findRotation } from '../../src/database/rotations/views.ts'
import { assignRotation } from '../../src/desk/assign.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { MOST_SAVED_VIEWS } from '../../src/desk/saved-views.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'
import type { Enrolled } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const { db } = desk.desk
let world: ApiWorld
let agent: Enrolled
let colleague: Enrolled
let counter = 0

beforeAll(async () => {
  world = await makeApiWorld(desk)
  await db.updateTable('policy').set({ filingsPerHour: 1_000 }).execute()
  agent = world.people.agent
  colleague = world.people.otherAgent
})

async function file(name = `Service ${++counter}`, filing = {}): Promise<string> {
  const { serviceId } = await world.addService(name)
  const items = [{ serviceId, kinds: ['auth'] as const }]
  const whole = { items, reason: 'scheduled' as const, overlapSeconds: 86_400, ...filing }
  return (await submitRotation(db, world.people.owner.actor, whole)).ref
}

function get(path: string, person = agent): Promise<Answer> {
  return desk.call('GET', path, { headers: { accept: 'text/html', cookie: `__Host-rekey=${person.sessionToken}` } })
}

/** Sends a form as the page would; `fields` may name one several times. */
function post(path: string, fields: [string, string][], person = agent): Promise<Answer> {
  const headers = { accept: 'text/html', cookie: `__Host-rekey=${person.sessionToken}`, origin: desk.url }
  const text = new URLSearchParams([['formToken', person.bearer.formToken ?? ''], ...fields]).toString()
  return desk.call('POST', path, { headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' }, text })
}

/** The references of a page's rows, in its order. */
function rowsOf({ text }: Answer): string[] {
  return [...text.matchAll(/data-row="(ROT-\d+)"/g)].map(([, ref]) => ref ?? '')
}

async function assigneeOf(ref: string): Promise<string | undefined> {
  return (await findRotation(db, agent.actor, ref))?.assignee?.name
}

/** CSV read back as RFC 4180 says. */
function parsed(csv: string): string[][] {
  const records: string[][] = [[]]
  for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    records.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === '\r\n') records.push([])
    if (end === '') break
  }
  return records.filter((record) => record.length > 1)
}

describe('assigning from the queue', () => {
  test('what is ticked goes to whom was chosen, and what changed meanwhile is left and named', async () => {
    const [one, two, taken] = [await file(), await file(), await file()]
    await assignRotation(db, colleague.actor, taken, { assigneeId: colleague.actor.personId })
    const ticks = [one, two, taken].map((ref): [string, string] => ['rotation', `${ref}/`])
    const answer = await post('/queue/assignment', [
      ...ticks,
      ['assignee', 'me'],
      ['query', 'view=decide&assignee=nobody'],
    ])
    expect(answer.status).toBe(303)
    expect(answer.headers.location).toBe(`/queue?view=decide&assignee=nobody&assigned=2&kept=${taken}`)
    expect([await assigneeOf(one), await assigneeOf(two), await assigneeOf(taken)]).toEqual(['Gus', 'Gus', 'Gia'])
    const page = await get(answer.headers.location ?? '')
    expect(page.text).toContain('2 requests have a new assignee')
    expect(page.text).toContain(`Left as it was: ${taken}`)
  })

  test('Take it takes that one alone, whatever else is ticked', async () => {
    const [one, ticked] = [await file(), await file()]
    await post('/queue/assignment', [
      ['rotation', `${ticked}/`],
      ['assignee', 'nobody'],
      ['take', `${one}/`],
      ['query', ''],
    ])
    expect([await assigneeOf(one), await assigneeOf(ticked)]).toEqual(['Gus', undefined])
  })

  test('without a tick it is asked for one; nothing but refs and people can be sent', async () => {
    const none = await post('/queue/assignment', [
      ['assignee', 'me'],
      ['query', 'view=decide'],
    ])
    expect(none.status).toBe(422)
    expect(none.text).toContain('Tick at least one request first.')
    const ref = await file()
    const customer = world.people.owner.actor.personId
    const wrong = await post('/queue/assignment', [
      ['rotation', `${ref}/`],
      ['assignee', customer],
      ['query', ''],
    ])
    expect([wrong.status, wrong.text.includes('Choose somebody who is on the staff.')]).toEqual([422, true])
    expect(
      (
        await post('/queue/assignment', [
          ['rotation', 'nonsense'],
          ['assignee', 'me'],
        ])
      ).status,
    ).toBe(400)
  })

  test('the queue has no form that approves', async () => {
    const { text } = await get('/queue')
    expect(text).toContain('Take it')
    expect([...text.matchAll(/<form[^>]*action="([^"]+)"/g)].map(([, action]) => action)).not.toContainEqual(
      expect.stringMatching(/appro|reject/),
    )
  })

  test('on its own page one is taken; who came second reads who has it', async () => {
    const ref = await file()
    expect((await get(`/rotations/${ref}`)).text).toContain('Nobody looks after it yet.')
    await post(
      `/rotations/${ref}/assignment`,
      [
        ['from', ''],
        ['assignee', 'me'],
      ],
      colleague,
    )
    const late = await post(`/rotations/${ref}/assignment`, [
      ['from', ''],
      ['assignee', 'me'],
    ])
    expect(late.status).toBe(422)
    expect(late.text).toContain(`Gia has ${ref} by now.`)
    const asked = await post(`/rotations/${ref}/assignment`, [
      ['from', colleague.actor.personId],
      ['assignee', 'nobody'],
    ])
    expect([asked.status, await assigneeOf(ref)]).toEqual([303, undefined])
  })
})

describe('the queue', () => {
  test('searches all rotations, whatever the view was, and filters by assignee and organisation', async () => {
    const ref = await file('Peculiar name')
    await approveRotation(db, agent.actor, ref, { revision: 1 })
    await assignRotation(db, colleague.actor, ref, { assigneeId: colleague.actor.personId })
    for (const q of ['peculiar', ref, ref.slice(4)]) {
      expect(rowsOf(await get(`/queue?view=decide&q=${q}`))).toContain(ref)
    }
    expect(rowsOf(await get('/queue?view=scheduled&assignee=me', colleague))).toEqual([ref])
    expect(rowsOf(await get('/queue?view=scheduled&assignee=me'))).toEqual([])
    expect(rowsOf(await get('/queue?view=scheduled&assignee=nobody'))).toEqual([])
    expect(rowsOf(await get(`/queue?view=scheduled&organisation=${world.place.organisationId}`))).toEqual([ref])
    expect(rowsOf(await get(`/queue?view=scheduled&organisation=${world.foreign.organisationId}`))).toEqual([])
  })

  test('goes on over pages until the end, each once', async () => {
    for (let i = 0; i < 30; i++) await file()
    const seen: string[] = []
    let path: string | undefined = '/queue?view=decide'
    while (path !== undefined) {
      const page = await get(path)
      seen.push(...rowsOf(page))
      path = /href="([^"]+)" rel="next"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=')
    }
    expect(new Set(seen).size).toBe(seen.length)
    const waiting = await db.selectFrom('rotation').select('ref').where('status', '=', 'submitted').execute()
    expect(seen.toSorted()).toEqual(waiting.map(({ ref }) => ref).toSorted())
  })

  test('says in words what failed and how often it was tried, in the view for it', async () => {
    const ref = await file('Failing')
    await approveRotation(db, agent.actor, ref, { revision: 1 })
    const keys = await db.selectFrom('item').select('keyId').where('rotationRef', '=', ref).execute()
    const ids = keys.map(({ keyId }) => keyId)
    await db
      .updateTable('version')
      .set({ acceptedUntil: new Date(0) })
      .where('keyId', 'in', ids)
      .execute()
    await db.updateTable('item').set({ attempts: 2 }).where('rotationRef', '=', ref).execute()
    await work(desk)
    const page = await get('/queue?view=running')
    expect(rowsOf(page)[0]).toBe(ref)
    expect(page.text).toContain('The key has no working version left to replace.')
    expect(page.text).toContain('Tried 3 times.')
  })

  test('leads to the next to decide, without JavaScript too', async () => {
    const answer = await get('/queue/next')
    const first = answer.headers.location ?? ''
    expect([answer.status, first]).toEqual([303, `/rotations/${rowsOf(await get('/queue'))[0]}`])
    const page = await get(first)
    expect(page.text).toContain(
      `href="/queue/next?after=${first.slice('/rotations/'.length)}"`
        .replaceAll('=', '&#x3D;')
        .replace('href&#x3D;', 'href='),
    )
    const next = await get(`/queue/next?after=${first.slice('/rotations/'.length)}`)
    expect(next.headers.location).toBe(`/rotations/${rowsOf(await get('/queue'))[1]}`)
    expect((await get('/queue/next', world.people.admin)).headers.location).toBe('/queue?view=decide')
  })
})

describe('saved views', () => {
  test('are kept by name, for one person, as an address of the queue and nothing else', async () => {
    const query = 'view=overlap&assignee=me&evil=%2F%2Felsewhere.example'
    const saved = await post('/queue/views', [
      ['name', ' My  overlaps '],
      ['query', query],
    ])
    expect(saved.headers.location).toBe('/queue?view=overlap&assignee=me')
    const mine = await get('/queue')
    expect(mine.text).toContain('My overlaps')
    expect((await get('/queue', colleague)).text).not.toContain('My overlaps')
    await post('/queue/views', [
      ['name', 'My overlaps'],
      ['query', 'view=closed'],
    ])
    expect(await findSavedViews(db, agent.actor.personId)).toEqual([{ name: 'My overlaps', query: 'view=closed' }])
    await post(
      '/queue/views/removal',
      [
        ['name', 'My overlaps'],
        ['query', ''],
      ],
      colleague,
    )
    expect(await findSavedViews(db, agent.actor.personId)).toHaveLength(1)
    await post('/queue/views/removal', [
      ['name', 'My overlaps'],
      ['query', ''],
    ])
    expect(await findSavedViews(db, agent.actor.personId)).toEqual([])
  })

  test('need a name, and are not without end', async () => {
    const nameless = await post('/queue/views', [
      ['name', ' '],
      ['query', 'view=closed'],
    ])
    expect([nameless.status, nameless.text.includes('Enter a name')]).toEqual([422, true])
    const names = Array.from({ length: MOST_SAVED_VIEWS + 5 }, (_, i) => `View ${i}`)
    await Promise.all(
      names.map((name) =>
        post('/queue/views', [
          ['name', name],
          ['query', 'view=closed'],
        ]),
      ),
    )
    expect(await findSavedViews(db, agent.actor.personId)).toHaveLength(MOST_SAVED_VIEWS)
  })
})

describe('the export', () => {
  test('holds every row of the view, and read back no cell begins like a formula', async () => {
    const hostile = ['=HYPERLINK("http://x.example")', '+1', '-1', '@SUM(A1)', 'a,"b"\nc']
    const refs: string[] = []
    for (const name of hostile) {
      const ref = await file()
      const [item] = await db.selectFrom('item').select('serviceId').where('rotationRef', '=', ref).execute()
      await db
        .updateTable('service')
        .set({ name })
        .where('id', '=', item?.serviceId ?? '')
        .execute()
      refs.push(ref)
    }
    for (const name of ['=1+1', '\t=1+1']) {
      await db.updateTable('organisation').set({ name }).where('id', '=', world.place.organisationId).execute()
      const answer = await get('/queue/export?view=decide')
      expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8')
      expect(answer.headers['content-disposition']).toMatch(/^attachment; filename="rotations-decide-/)
      const [headings = [], ...records] = parsed(answer.text)
      const waiting = await db.selectFrom('rotation').select('ref').where('status', '=', 'submitted').execute()
      expect(records.map(([ref]) => ref).toSorted()).toEqual(waiting.map(({ ref }) => ref).toSorted())
      for (const record of records) {
        expect(record).toHaveLength(headings.length)
        for (const cell of record) expect(cell).not.toMatch(/^[=+\-@\t\0]/)
      }
      const [of, keys] = [headings.indexOf('organisation'), headings.indexOf('keys')]
      const own = records.filter(([ref = '']) => refs.includes(ref))
      expect(own.every((record) => record[of] === `'${name}`)).toBe(true)
      const shown = own.map((record) => record[keys] ?? '')
      for (const text of hostile) {
        const quoted = /^[=+\-@]/.test(text) ? `'${text}` : text
        expect(shown).toContain(`${quoted} (live): Auth key`)
      }
    }
  })
})

test('shortcuts can be switched off and on again, per person', async () => {
  expect((await get('/queue')).text).toContain('id="shortcuts"')
  await post('/shortcuts', [['shortcuts', 'off']])
  expect((await get('/queue')).text).not.toContain('id="shortcuts"')
  expect((await get('/queue', colleague)).text).toContain('id="shortcuts"')
  await post('/shortcuts', [['shortcuts', 'on']])
  expect((await get('/queue')).text).toContain('id="shortcuts"')
})
