import { beforeAll, expect, test } from 'vitest'
import { SESSION_COOKIE } from '../../src/web/session-cookie.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import type { Enrolled } from '../support/worlds/people.ts'

const desk = await openDesk(await openTestDatabase())
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

async function read(person: Enrolled, path: string): Promise<string> {
  const headers = { accept: 'text/html', cookie: `${SESSION_COOKIE}=${person.sessionToken}` }
  return (await desk.call('GET', path, { headers })).text
}

/** Adds a service as the page does, and gives where that leads. */
async function addService(person: Enrolled, name: string): Promise<string> {
  const { organisationId } = world.place
  const fields = { formToken: person.bearer.formToken ?? '', organisationId, name, environment: 'live' }
  const cookie = `${SESSION_COOKIE}=${person.sessionToken}`
  const headers = { cookie, origin: desk.url, 'content-type': 'application/x-www-form-urlencoded' }
  const text = new URLSearchParams(fields).toString()
  return (await desk.call('POST', '/services', { headers, text })).headers.location ?? ''
}

test('whoever adds a service is told so, and who picks up its first keys', async () => {
  const { owner, admin } = world.people
  const byAdmin = await read(admin, await addService(admin, 'Of the desk'))
  expect(byAdmin).toContain('Of the desk</bdi> was added')
  expect(byAdmin).toContain('An owner of')
  const byOwner = await read(owner, await addService(owner, 'Of our own'))
  expect(byOwner).toContain('Both wait to be picked up')
  expect(await read(owner, '/services')).not.toContain('was added')
})

test('what needs somebody is shown to nobody who may not pick keys up', async () => {
  const { owner, developer, viewer } = world.people
  expect(await read(owner, '/rotations')).toContain('Needs you')
  for (const person of [developer, viewer]) {
    const page = await read(person, '/rotations')
    expect(page).toContain('Nothing is under way')
    expect(page).not.toContain('Needs you')
  }
})
