import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { mergeNetworks, mergePermissions, mergeUses } from '../../src/database/watch/merge.ts'
import { findReview, findReviewedKeys, findReviews } from '../../src/database/watch/reviews.ts'
import { changePolicyOfService } from '../../src/desk/policies/service-policy.ts'
import { editKey } from '../../src/keyring/keys/edit.ts'
import { setKeyEnabled } from '../../src/keyring/keys/switch.ts'
import { remindOfNextReview } from '../../src/keyring/watch/remind-of-review.ts'
import { reviewPermissions } from '../../src/keyring/watch/review.ts'
import type { Permission } from '../../src/rules/keys/verdict.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { addMember, addOrganisation, addService, type DeskWorld, makeDeskWorld } from '../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
const DAY = 86_400_000
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
  await db
    .updateTable('organisation')
    .set({ reviewDueAt: new Date('2999-01-01') })
    .execute()
})

const ago = (days: number) => new Date(Date.now() - days * DAY)

async function newPlace() {
  count += 1
  const organisationId = await addOrganisation(db, `Reviewed ${count}`)
  const owner = await addMember(db, organisationId, 'owner', `Ona ${count}`)
  const service = await addService(db, world.admin, organisationId, 'Payments')
  await db
    .updateTable('key')
    .set({ createdAt: ago(100) })
    .where('serviceId', '=', service.id)
    .execute()
  return { organisationId, owner, ...service }
}

/** As gateways would tell: the key's first version was used so long ago, and this was asked of it. */
async function use(keyId: string, days: number, permission?: Permission): Promise<void> {
  const version = db.selectFrom('version').select('id').where('keyId', '=', keyId)
  const { id: versionId } = await version.executeTakeFirstOrThrow()
  const times = { versionId, firstUsedAt: ago(100), lastUsedAt: ago(days) }
  await mergeUses(db, [{ ...times, lastNetwork: '192.0.2.1' }])
  await mergeNetworks(db, [{ ...times, network: '192.0.2.0/24' }])
  if (permission !== undefined) await mergePermissions(db, [{ keyId, permission, lastUsedAt: ago(days) }])
}

const findingsOf = async (organisationId: string) =>
  (await findReviewedKeys(db, organisationId)).map(({ keyId, finding, permissionUsed, networks }) => {
    return { keyId, finding, permissionUsed, networks }
  })
const keyOf = (id: string) => db.selectFrom('key').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
const noticesOf = async (notice: string, personId: string) => {
  const letters = db.selectFrom('letter').select('facts').where('kind', '=', 'security-notice')
  return letters.where('naturalKey', 'like', `notice/${notice}/%/${personId}`).execute()
}
const entriesOf = (organisationId: string, action: string) =>
  db.selectFrom('auditEntry').select('body').where('chain', '=', organisationId).where('action', '=', action).execute()

test('each key is held against what was asked of it in the last 90 days', async () => {
  const { organisationId, authKeyId, adminKeyId } = await newPlace()
  const auth = (finding: string, more = {}) => ({
    keyId: authKeyId,
    finding,
    permissionUsed: null,
    networks: 0,
    ...more,
  })
  const admin = { keyId: adminKeyId, finding: 'unused', permissionUsed: null, networks: 0 }
  expect(await findingsOf(organisationId)).toEqual([auth('unused'), admin])
  await use(authKeyId, 91, 'admin')
  expect(await findingsOf(organisationId)).toEqual([auth('unused'), admin])
  await use(authKeyId, 89)
  expect(await findingsOf(organisationId)).toEqual([auth('not_told', { networks: 1 }), admin])
  await use(authKeyId, 89, 'read_only')
  const told = { networks: 1, permissionUsed: 'read_only' }
  expect(await findingsOf(organisationId)).toEqual([auth('too_wide', told), admin])
  await use(authKeyId, 1, 'read_write')
  expect((await findingsOf(organisationId))[0]).toEqual(auth('fits', { ...told, permissionUsed: 'read_write' }))
  await db
    .updateTable('key')
    .set({ createdAt: ago(29) })
    .where('id', '=', adminKeyId)
    .execute()
  expect((await findingsOf(organisationId))[1]?.finding).toBe('young')
})

test('a review lowers and disables at once, is kept as it was found, told in one letter, and makes the next due in 90 days', async () => {
  const { organisationId, owner, authKeyId, adminKeyId } = await newPlace()
  await use(authKeyId, 3, 'read_only')
  const changes = [
    { keyId: authKeyId, do: 'lower', permission: 'read_only' },
    { keyId: adminKeyId, do: 'disable' },
  ] as const
  const { id } = await reviewPermissions(db, owner, { changes })
  expect(await keyOf(authKeyId)).toMatchObject({ permission: 'read_only', enabled: true })
  expect(await keyOf(adminKeyId)).toMatchObject({ permission: 'admin', enabled: false })
  await editKey(db, owner, authKeyId, { name: 'Renamed since' })
  expect(await findReview(db, owner, id)).toMatchObject({
    by: { id: owner.personId },
    findings: [
      {
        keyId: authKeyId,
        name: 'Auth key',
        finding: 'too_wide',
        decision: 'lower',
        permission: 'read_write',
        permissionAfter: 'read_only',
      },
      { keyId: adminKeyId, finding: 'unused', decision: 'disable', lastUsedAt: null },
    ],
  })
  const letters = await noticesOf('review_done', owner.personId)
  expect(letters).toMatchObject([
    {
      facts: {
        details: [
          'Auth key of Payments (live): lowered from “Read and write” to “Read only”',
          'Admin key of Payments (live): disabled',
        ],
      },
    },
  ])
  expect(await noticesOf('key_disabled', owner.personId)).toEqual([])
  for (const action of ['review.carry_out', 'key.edit', 'key.disable'])
    expect((await entriesOf(organisationId, action)).length).toBeGreaterThan(0)
  const place = db.selectFrom('organisation').select('reviewDueAt').where('id', '=', organisationId)
  const { reviewDueAt } = await place.executeTakeFirstOrThrow()
  expect(Math.abs(reviewDueAt.getTime() - Date.now() - 90 * DAY)).toBeLessThan(60_000)
  expect((await findReviews(db, owner, { limit: 10 })).items).toHaveLength(1)
  expect((await findReviews(db, world.owner, { organisationId, limit: 10 })).items).toEqual([])
  expect(await findReview(db, world.owner, id)).toBeUndefined()
})

test('a review that holds anything wrong changes and records nothing', async () => {
  const { organisationId, owner, authKeyId, adminKeyId } = await newPlace()
  const disable = { keyId: adminKeyId, do: 'disable' } as const
  const carryOut = (changes: Parameters<typeof reviewPermissions>[2]['changes']) =>
    reviewPermissions(db, owner, { changes })
  const foreign = { keyId: world.service.authKeyId, do: 'disable' } as const
  await expect(carryOut([disable, foreign])).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const wider = { keyId: authKeyId, do: 'lower', permission: 'admin' } as const
  await expect(carryOut([disable, wider])).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    errors: [{ pointer: '/changes/1/permission' }],
  })
  await expect(carryOut([disable, disable])).rejects.toMatchObject({ errors: [{ pointer: '/changes/1/keyId' }] })
  await expect(reviewPermissions(db, world.agent, { changes: [disable] })).rejects.toMatchObject({
    code: 'NOT_ALLOWED',
  })
  expect((await keyOf(adminKeyId)).enabled).toBe(true)
  expect(await entriesOf(organisationId, 'review.carry_out')).toEqual([])
  expect(await noticesOf('review_done', owner.personId)).toEqual([])
})

test('a review races edits, a change of policy and another review without waiting in a circle, and never widens what an edit narrowed', async () => {
  const { id, organisationId, owner, authKeyId, adminKeyId } = await newPlace()
  const changes = [
    { keyId: adminKeyId, do: 'lower', permission: 'read_write' },
    { keyId: authKeyId, do: 'disable' },
  ] as const
  for (let round = 0; round < 20; round += 1) {
    await editKey(db, owner, adminKeyId, { permission: 'admin' })
    await setKeyEnabled(db, owner, authKeyId, true)
    const results = await Promise.allSettled([
      reviewPermissions(db, owner, { changes }),
      editKey(db, owner, adminKeyId, { permission: 'read_only' }),
      reviewPermissions(db, owner, { changes: changes.toReversed() }),
      setKeyEnabled(db, owner, authKeyId, false),
      changePolicyOfService(db, world.admin, id, { longestOverlapSeconds: 60 + round }),
    ])
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'INVALID_REQUEST' })
    }
    expect(await keyOf(adminKeyId)).toMatchObject({ permission: 'read_only' })
    expect(await keyOf(authKeyId)).toMatchObject({ enabled: false })
  }
  const kept = (await findReviews(db, owner, { organisationId, limit: 100 })).items
  expect(await entriesOf(organisationId, 'review.carry_out')).toHaveLength(kept.length)
  expect(await findViolations(db)).toEqual([])
})

test('owners are reminded once in 90 days without a review, by however many workers, and not where there are no keys', async () => {
  const place = await newPlace()
  const empty = await addOrganisation(db, 'Keyless')
  const emptyOwner = await addMember(db, empty, 'owner', 'Nobody')
  const due = (days: number) =>
    db
      .updateTable('organisation')
      .set({ reviewDueAt: ago(days) })
      .where('id', 'in', [place.organisationId, empty])
      .execute()
  expect(await remindOfNextReview(db)).toBe(false)
  await due(0)
  await Promise.all(Array.from({ length: 4 }, () => remindOfNextReview(db)))
  while (await remindOfNextReview(db));
  expect(await noticesOf('review_due', place.owner.personId)).toMatchObject([{ facts: { path: '/permission-review' } }])
  expect(await noticesOf('review_due', emptyOwner.personId)).toEqual([])
  await due(1)
  while (await remindOfNextReview(db));
  expect(await noticesOf('review_due', place.owner.personId)).toHaveLength(2)
  await reviewPermissions(db, place.owner, { changes: [] })
  expect(await remindOfNextReview(db)).toBe(false)
})

test('an organisation that can not be reminded is put off, and holds up no other', async () => {
  const [broken, sound] = [await newPlace(), await newPlace()]
  const ids = [broken.organisationId, sound.organisationId]
  await sql`alter table letter add constraint broken check (natural_key not like ${sql.lit(`%${ids[0]}%`)})`.execute(db)
  for (const [i, id] of ids.entries()) {
    await db
      .updateTable('organisation')
      .set({ reviewDueAt: ago(10 - i) })
      .where('id', '=', id)
      .execute()
  }
  await expect(remindOfNextReview(db)).rejects.toThrow('broken')
  while (await remindOfNextReview(db));
  expect(await noticesOf('review_due', sound.owner.personId)).toHaveLength(1)
  await sql`alter table letter drop constraint broken`.execute(db)
  expect(await noticesOf('review_due', broken.owner.personId)).toEqual([])
})
