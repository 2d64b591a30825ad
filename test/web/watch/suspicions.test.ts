import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { openTestDatabase } from '../../support/database.ts'
import { openDesk } from '../../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../../support/worlds/api-world.ts'
import type { Enrolled } from '../../support/worlds/people.ts'
import { makeSuspicious } from '../../support/worlds/suspicious.ts'

const desk = await openDesk(await openTestDatabase())
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

const list = z.object({ items: z.array(z.looseObject({ id: z.string() })), nextCursor: z.string().nullable() })

function open(path: string, { sessionToken }: Enrolled) {
  return desk.call('GET', path, { headers: { accept: 'text/html', cookie: `__Host-rekey=${sessionToken}` } })
}

function send(path: string, { sessionToken, bearer }: Enrolled) {
  const headers = { accept: 'text/html', cookie: `__Host-rekey=${sessionToken}`, origin: desk.url }
  const text = new URLSearchParams({ formToken: bearer.formToken ?? '' }).toString()
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  return desk.call('POST', path, { headers: { ...headers, ...type }, text })
}

test('a script sees what is suspicious about its organisation’s keys, page by page, and dismisses it, once or twice', async () => {
  const { owner, rival, agent, viewer } = world.clients
  const place = await world.addService('Listed')
  const id = await makeSuspicious(desk.desk.db, place.versionId)
  const other = await makeSuspicious(desk.desk.db, world.place.versionId)
  const first = list.parse((await owner.call('GET', '/v1/suspicions?limit=1')).json)
  expect(first.items).toMatchObject([{ id: other, kind: 'retired_use', count: 3, network: '198.51.100.0/24' }])
  const second = await owner.call('GET', `/v1/suspicions?limit=1&cursor=${first.nextCursor}`)
  expect(list.parse(second.json)).toMatchObject({ items: [{ id, keyId: place.authKeyId }], nextCursor: null })
  const ofKey = await agent.call('GET', `/v1/suspicions?keyId=${place.authKeyId}`)
  expect(list.parse(ofKey.json).items).toHaveLength(1)
  expect((await rival.call('GET', '/v1/suspicions')).json).toEqual({ items: [], nextCursor: null })
  expect((await viewer.call('GET', '/v1/suspicions')).status).toBe(403)

  const dismissed = await owner.call('POST', `/v1/suspicions/${id}/dismissal`)
  expect(dismissed.json).toMatchObject({ id, dismissedBy: { name: 'Ada Owner' } })
  const again = await owner.call('POST', `/v1/suspicions/${id}/dismissal`)
  expect(again.json).toEqual(dismissed.json)
  expect(list.parse((await owner.call('GET', '/v1/suspicions')).json).items).toMatchObject([{ id: other }])
  expect(list.parse((await owner.call('GET', '/v1/suspicions?status=all')).json).items).toHaveLength(2)
})

test('an owner gets from the letter’s page to a filled-in form with one click, or says that it is harmless', async () => {
  const place = await world.addService('Opened')
  const id = await makeSuspicious(desk.desk.db, place.versionId)
  const { owner, agent } = world.people
  const page = await open(`/suspicions/${id}`, owner)
  expect(page.text).toContain('A version that has ended is still used, from 198.51.100.0/24')
  const href = `/rotations/new?key=${place.authKeyId}&amp;reason=suspected`
  expect(page.text).toContain(`href="${href.replaceAll('=', '&#x3D;')}"`)
  const form = await open(href.replace('&amp;', '&'), owner)
  expect(form.text).toMatch(new RegExp(`value="${place.authKeyId}"[^>]* checked`))
  expect(form.text).toMatch(/value="suspected"[^>]* checked/)

  const ofStaff = await open(`/suspicions/${id}`, agent)
  expect(ofStaff.text).toContain('File on behalf')
  expect(ofStaff.text).not.toContain('/dismissal')
  expect((await open('/suspicions', owner)).text).toContain(`/suspicions/${id}`)
  expect((await send(`/suspicions/${id}/dismissal`, owner)).status).toBe(303)
  expect((await send(`/suspicions/${id}/dismissal`, owner)).status).toBe(303)
  expect((await open('/suspicions', owner)).text).not.toContain(`/suspicions/${id}`)
  expect((await open('/suspicions?show=all', owner)).text).toContain(`/suspicions/${id}`)
})

test('what a rotation answers since is no longer open, and leads to that rotation', async () => {
  const place = await world.addService('Answered')
  const id = await makeSuspicious(desk.desk.db, place.versionId)
  const body = { items: [{ keyId: place.authKeyId }], reason: 'suspected' }
  const filed = await world.clients.owner.confirmed('POST', '/v1/rotations', { body })
  const { ref } = z.object({ ref: z.string() }).parse(filed.json)
  const all = await world.clients.owner.call('GET', `/v1/suspicions?status=all&keyId=${place.authKeyId}`)
  expect(list.parse(all.json).items).toMatchObject([{ id, rotationRef: ref }])
  const left = await world.clients.owner.call('GET', `/v1/suspicions?keyId=${place.authKeyId}`)
  expect(list.parse(left.json).items).toEqual([])
  expect((await open(`/suspicions/${id}`, world.people.owner)).text).toContain(`Answered by ${ref}`)
})
