import { beforeAll, expect, test } from 'vitest'
import { newId } from '../../src/database/ids.ts'
import { recomputeNextMonth } from '../../src/desk/reports.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { monthOf } from '../../src/rules/text/months.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const { db } = desk.desk
const LAST_MONTH = new Date(new Date(`${monthOf(new Date())}-05T00:00:00Z`).getTime() - 10 * 86_400_000)
const month = monthOf(LAST_MONTH)
let world: ApiWorld
let refs: string[]

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const { owner } = world.people
  refs = []
  for (let n = 1; n <= 4; n++) {
    const { serviceId } = await world.addService(`Service ${n}`)
    const items = [{ serviceId, kinds: ['auth'] as const }]
    const { ref } = await submitRotation(db, owner.actor, { items, reason: 'scheduled', overlapSeconds: 86_400 })
    const later = (minutes: number) => new Date(LAST_MONTH.getTime() + minutes * 60_000)
    const answered = n <= 3 ? { firstResponseAt: later(n * 10), decidedAt: later(n * 60) } : {}
    await db
      .updateTable('rotation')
      .set({ createdAt: LAST_MONTH, ...answered })
      .where('ref', '=', ref)
      .execute()
    refs.push(ref)
  }
  const followUp = {
    rotationRef: refs[0] ?? '',
    organisationId: owner.organisationId,
    itemIds: [],
    requestedAt: LAST_MONTH,
  }
  await db
    .insertInto('followUp')
    .values({
      ...followUp,
      id: newId('followUp'),
      type: 'extension',
      status: 'done',
      requestedBy: owner.actor.personId,
    })
    .execute()
  while (await recomputeNextMonth(db));
})

function get(path: string): Promise<Answer> {
  const cookie = `__Host-rekey=${world.people.agent.sessionToken}`
  return desk.call('GET', path, { headers: { accept: 'text/html', cookie } })
}

function plain(text: string): string {
  return text.replaceAll('&amp;', '&').replaceAll('&#x3D;', '=')
}

/** The figure under a label in the first row of a table, and where it leads. */
function cell(text: string, label: string): { figure: string; href: string } {
  const found = new RegExp(`data-label="${label}"><a class="ds-link" href="([^"]*)">([^<]*)</a>`).exec(text)
  return { figure: found?.[2] ?? '', href: plain(found?.[1] ?? '') }
}

test('each figure is the one that the rotations give, and leads to exactly those', async () => {
  const { text } = await get('/reports')
  const expected: [label: string, figure: string, behind: string[]][] = [
    ['Filed', '4', refs],
    ['First response, median', '20 min', refs.slice(0, 3)],
    ['First response, 90th percentile', '28 min', refs.slice(0, 3)],
    ['Decision, median', '2 h', refs.slice(0, 3)],
    ['Decision, 90th percentile', '2.8 h', refs.slice(0, 3)],
    ['Extended', '1', refs.slice(0, 1)],
  ]
  for (const [label, figure, behind] of expected) {
    const found = cell(text, label)
    expect([label, found.figure]).toEqual([label, figure])
    const list = await get(found.href)
    const listed = [...list.text.matchAll(/data-row="(ROT-\d+)"/g)].map(([, ref]) => ref)
    expect(listed.toSorted(), label).toEqual(behind.toSorted())
  }
  expect(text).toMatch(/data-label="With a failed key"><span class="soft">0</)
  expect(text).toContain('<svg viewBox=')
  expect(text).not.toContain(' style=')
})

test('by organisation it names who filed, and an organisation has a report of its own', async () => {
  const { text } = await get(`/reports?month=${month}`)
  const own = plain(text).includes(`/reports?month=${month}&organisation=${world.place.organisationId}`)
  expect([own, text.includes('By organisation')]).toEqual([true, true])
  const theirs = await get(`/reports?organisation=${world.place.organisationId}`)
  expect(cell(theirs.text, 'Filed').href).toContain(`organisation=${world.place.organisationId}`)
  expect((await get(`/reports?organisation=${world.foreign.organisationId}`)).text).toContain('No figures yet')
  for (const odd of ['month=2026-13', 'month=x', 'organisation=%27', 'after=nonsense']) {
    expect([200, 400]).toContain((await get(`/reports?${odd}`)).status)
  }
})

test('it says up to when everything is in, and warns when the worker is behind', async () => {
  expect((await get('/reports')).text).not.toContain('The figures are behind')
  await db
    .updateTable('rotation')
    .set({ firstResponseAt: null })
    .where('ref', '=', refs[2] ?? '')
    .execute()
  expect((await get('/reports')).text).not.toContain('The figures are behind')
  await db
    .updateTable('reportChange')
    .set({ at: new Date('2026-01-02T03:04:05Z') })
    .execute()
  const late = await get('/reports')
  expect(late.text).toContain('The figures are behind')
  expect(late.text).toContain('2 Jan 2026, 03:04')
})

test('the export has every month and organisation, with names that are no formulas', async () => {
  await db.updateTable('organisation').set({ name: '=cmd' }).where('id', '=', world.place.organisationId).execute()
  const { text, headers } = await get('/reports/export')
  expect(headers['content-disposition']).toContain('attachment; filename="reports-')
  const lines = text.trim().split('\r\n')
  expect(lines[0]).toContain('month,organisation,organisation id,filed,firstResponseMedianSeconds')
  const own = `${month},'=cmd,${world.place.organisationId},4,1200,`
  expect(lines.slice(1).map((line) => line.split(',').slice(0, 2).join(','))).toEqual([
    `${month},'=cmd`,
    `${month},all`,
  ])
  expect(lines[1]?.startsWith(own)).toBe(true)
})
