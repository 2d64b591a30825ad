import { beforeAll, expect, test } from 'vitest'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import type { Enrolled } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

async function open(who: Enrolled, query = ''): Promise<string> {
  const headers = { accept: 'text/html', cookie: `__Host-rekey=${who.sessionToken}` }
  return (await desk.call('GET', `/desk/policy${query}`, { headers })).text
}

/** What the page says between two of its words, without its tags. */
function between(page: string, from: string, to: string): string {
  const text = page.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')
  return text.split(from)[1]?.split(to)[0]?.trim() ?? ''
}

function ask(kind: string, who: Enrolled = world.people.agent): Promise<string> {
  return open(who, `?organisation=${world.place.organisationId}&kind=${kind}`)
}

test('the rules are told with the numbers that the desk applies', async () => {
  const page = await open(world.people.agent)
  for (const words of [
    '14 days expires',
    '7 days and 1 day before',
    'For 3 days after',
    'within 7 days of its start',
  ]) {
    expect(page).toContain(words)
  }
  expect(page).toContain('more than 10 keys')
  expect(page).not.toContain('Asked, each by email')
})

test('an ordinary request is decided by one agent, never by an administrator', async () => {
  const page = await ask('routine')
  expect(page).toContain('1 approval')
  expect(between(page, 'Asked, each by email:', 'Not asked:')).toBe('Gus Gia')
  expect(between(page, 'Not asked:', 'The rules')).toContain('administrators decide only')
})

test('one on behalf needs two others, and administrators are asked too', async () => {
  const page = await ask('on_behalf')
  expect(page).toContain('2 approvals')
  expect(page).toContain('it is filed on behalf of an owner.')
  expect(between(page, 'Asked, each by email:', 'Not asked:')).toMatch(/^(Ines Admin Gia|Gia Ines Admin)$/)
  expect(between(page, 'Not asked:', 'The rules')).toContain('whoever files it')
})

test('an agent who belongs to the organisation is not asked, and too few are warned about', async () => {
  const { db } = database
  const { personId } = world.people.otherAgent.actor
  const { organisationId } = world.place
  await db
    .insertInto('membership')
    .values({ personId, organisationId, role: 'viewer', createdAt: new Date() })
    .execute()
  expect(between(await ask('routine'), 'Not asked:', 'The rules')).toContain('belongs to the organisation')
  expect(await ask('routine')).not.toContain('would wait until it expires')
  expect(await ask('no_overlap')).toContain('only one person may give one')
  const disabled = db.updateTable('person').where('id', '=', world.people.agent.actor.personId)
  await disabled.set({ disabledAt: new Date() }).execute()
  expect(await ask('routine', world.people.admin)).toContain('Nobody could decide it')
  await disabled.set({ disabledAt: null }).execute()
  await db.deleteFrom('membership').where('personId', '=', personId).execute()
})

test('an owner who changed lately makes every request need two, and the page says why', async () => {
  const account = database.db.updateTable('person').where('id', '=', world.people.owner.actor.personId)
  await account.set({ codeChangedAt: new Date() }).execute()
  const page = await ask('compromised')
  expect(page).toContain('2 approvals')
  expect(page).toContain('changed in the last 7 days.')
  await account.set({ codeChangedAt: null }).execute()
  expect(await ask('compromised')).toContain('1 approval')
})

test('with self-service nobody is asked, save where the owner’s code is not enough', async () => {
  const policy = (selfService: boolean) => database.db.updateTable('policy').set({ selfService }).execute()
  const account = database.db.updateTable('person').where('id', '=', world.people.owner.actor.personId)
  await policy(true)
  for (const kind of ['routine', 'compromised', 'no_overlap']) {
    const page = await ask(kind)
    expect(between(page, 'Who would be asked now?', 'The rules')).toContain('nobody is asked')
    expect(page).not.toContain('Asked, each by email')
  }
  for (const kind of ['many_items', 'on_behalf']) expect(await ask(kind)).toContain('2 approvals')
  await account.set({ codeChangedAt: new Date() }).execute()
  expect(await ask('routine')).toContain('2 approvals')
  await account.set({ codeChangedAt: null }).execute()
  await policy(false)
  expect(await ask('routine')).not.toContain('nobody is asked')
})

test('an organisation that is not there is not found, an unknown kind is a routine one', async () => {
  expect(await open(world.people.agent, '?organisation=org_unknown')).toContain('There is nothing here')
  expect(await ask('surprise')).toContain('A routine request of an owner')
})
