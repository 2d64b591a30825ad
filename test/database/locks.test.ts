import { expect, test } from 'vitest'
import { newId } from '../../src/database/ids.ts'
import { lockPerson } from '../../src/database/people/people.ts'
import { lockVersions } from '../../src/database/rotations/locks.ts'
import { mergeUses } from '../../src/database/watch/merge.ts'
import { openTestDatabase } from '../support/database.ts'
import { addService, makeDeskWorld } from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
const world = await makeDeskWorld(db)

test('the first use of a version is written while a verb holds that version', async () => {
  const { authKeyId } = await addService(db, world.admin, world.organisationId, 'Used')
  await db.transaction().execute(async (trx) => {
    const versions = await lockVersions(trx, [authKeyId])
    const at = new Date()
    await mergeUses(
      db,
      versions.map(({ id }) => ({ versionId: id, firstUsedAt: at, lastUsedAt: at, lastNetwork: null })),
    )
  })
  const uses = await db.selectFrom('versionUse').selectAll().execute()
  expect(uses.length).toBe(1)
})

test('what refers to a person is written while somebody holds that person', async () => {
  const { personId } = world.owner
  await db.transaction().execute(async (trx) => {
    await lockPerson(trx, personId)
    const row = { personId, bearerId: newId('session'), createdAt: new Date(), expiresAt: new Date(), callsLeft: 0 }
    await db
      .insertInto('stepUp')
      .values({ ...row, tokenHash: Buffer.from('held') })
      .execute()
  })
  expect((await db.selectFrom('stepUp').select('personId').execute()).map((row) => row.personId)).toEqual([personId])
})
