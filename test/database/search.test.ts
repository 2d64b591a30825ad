import { beforeAll, expect, test } from 'vitest'
import { findService } from '../../src/database/keys/services.ts'
import { findRotations } from '../../src/database/rotations/views.ts'
import { openTestDatabase } from '../support/database.ts'
import {
  addMember,
  addOrganisation,
  addService,
  type DeskWorld,
  file,
  makeDeskWorld,
} from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
let world: DeskWorld
let acme: string[]
let rivals: string

beforeAll(async () => {
  world = await makeDeskWorld(db)
  const other = await addService(db, world.admin, world.organisationId, '50% off_shop')
  acme = [await file(db, world.owner, world.service.id), await file(db, world.owner, other.id)]
  const organisationId = await addOrganisation(db, 'Rivals')
  const rex = await addMember(db, organisationId, 'owner', 'Rex Rival')
  rivals = await file(db, rex, (await addService(db, world.admin, organisationId, 'Shop')).id)
})

async function search(q: string, viewer = world.agent) {
  const refs: string[] = []
  let cursor: string | undefined
  do {
    const page = await findRotations(db, viewer, { q, limit: 1, cursor })
    refs.push(...page.items.map((rotation) => rotation.ref))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return refs
}

test('a rotation is found once by each thing that tells of it, in any case of letters', async () => {
  const newestFirst = acme.toReversed()
  for (const text of ['ACM', 'ada own', 'ADA.OWNER']) expect(await search(text), text).toEqual(newestFirst)
  for (const text of ['payments e', acme[0] ?? '', acme[0]?.toLowerCase() ?? '', acme[0]?.slice(4) ?? '']) {
    expect(await search(text), text).toEqual([acme[0]])
  }
  expect(await search('rot-')).toEqual([rivals, ...newestFirst])
  expect(await search('shop')).toEqual([rivals, acme[1]])
  const service = await findService(db, world.owner, world.service.id)
  for (const key of service?.keys ?? []) expect(await search(key.versions[0]?.last4 ?? '')).toEqual([acme[0]])
})

test('signs that patterns are made of stand for themselves', async () => {
  for (const text of ['50%', 'f_s']) expect(await search(text), text).toEqual([acme[1]])
  for (const text of ['%', '_']) expect(await search(text), text).toEqual([acme[1]])
  expect(await search('\\')).toEqual([])
})

test('nobody finds a rotation that they may not see', async () => {
  for (const text of [rivals, 'Rivals', 'Rex', 'Shop']) {
    expect(await search(text, world.owner)).toEqual(text === 'Shop' ? [acme[1]] : [])
  }
})
