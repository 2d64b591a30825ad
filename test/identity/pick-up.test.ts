import { beforeAll, expect, test } from 'vitest'
import { setMayReveal } from '../../src/identity/members/pick-up.ts'
import { revealVersion } from '../../src/keyring/reveal.ts'
import { openTestDatabase } from '../support/database.ts'
import { addMember, addOrganisation, type DeskWorld, makeDeskWorld, maker } from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
let world: DeskWorld

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function reveal(kind: 'authKeyId' | 'adminKeyId', actor: DeskWorld['owner']): Promise<string> {
  const keyId = world.service[kind]
  const { id } = await db.selectFrom('version').select('id').where('keyId', '=', keyId).executeTakeFirstOrThrow()
  return (await revealVersion(db, maker.sealer, actor, id)).secret
}

test('a developer picks up keys from when an owner allows it until an owner forbids it, both on record', async () => {
  const developer = await addMember(db, world.organisationId, 'developer', 'Dev Eloper')
  await expect(reveal('authKeyId', developer)).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
  await setMayReveal(db, world.owner, developer.personId, true)
  await setMayReveal(db, world.owner, developer.personId, true)
  expect(await reveal('authKeyId', developer)).toMatch(/^rk_auth_live_/)
  await setMayReveal(db, world.owner, developer.personId, false)
  await expect(reveal('adminKeyId', developer)).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
  const entries = await db
    .selectFrom('auditEntry')
    .select('action')
    .where('action', 'like', 'member.%')
    .orderBy('sequence')
    .execute()
  expect(entries.map((entry) => entry.action)).toEqual(['member.allow_pick_up', 'member.forbid_pick_up'])
})

test('only owners allow it, only to developers, only of their own organisation', async () => {
  const developer = await addMember(db, world.organisationId, 'developer', 'Del Eloper')
  const viewer = await addMember(db, world.organisationId, 'viewer', 'Vi Ewer')
  const stranger = await addMember(db, await addOrganisation(db, 'Globex'), 'owner', 'Eve Owner')
  const allow = (actor: DeskWorld['owner'], personId: string) => setMayReveal(db, actor, personId, true)
  await expect(allow(developer, developer.personId)).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
  await expect(allow(world.admin, developer.personId)).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
  await expect(allow(world.owner, viewer.personId)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(allow(stranger, developer.personId)).rejects.toMatchObject({ code: 'NOT_FOUND' })
})
