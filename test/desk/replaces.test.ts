import { beforeAll, expect, test } from 'vitest'
import { carryOutNextDue } from '../../src/desk/carry-out.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import type { Filing } from '../../src/desk/submit.ts'
import { isAccepted } from '../../src/rules/keys/verdict.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
import { outcome, refusalOf } from '../support/refusals.ts'
import {
  addMember,
  addOrganisation,
  addService,
  carryOutAll,
  type DeskWorld,
  file,
  fileAndApprove,
  makeDeskWorld,
  maker,
} from '../support/worlds/desk-world.ts'
import { DAY, letTimePass, lettersAbout, movesOf, race, readRotation } from '../support/worlds/story.ts'

const { db } = await openTestDatabase()
const ROUNDS = 20
/** Each round makes a service and takes a rotation through half of its life. */
const LONG = { timeout: 60_000 }
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
  await addMember(db, world.organisationId, 'viewer', 'Vic Viewer')
})

async function newService(): Promise<string> {
  count += 1
  return (await addService(db, world.admin, world.organisationId, `Service ${count}`)).id
}

function leak(serviceId: string, replaces: string, filing: Partial<Filing> = {}): Promise<string> {
  return file(db, world.owner, serviceId, { reason: 'compromised', replaces, ...filing })
}

/** A key's versions that verify accepts now. */
async function acceptedVersions(keyId: string): Promise<string[]> {
  const versions = await db.selectFrom('version').selectAll().where('keyId', '=', keyId).orderBy('createdAt').execute()
  return versions.filter((version) => isAccepted(version, new Date())).map((version) => version.id)
}

async function inOverlap(filing: Partial<Filing> = {}) {
  const serviceId = await newService()
  const ref = await fileAndApprove(db, world, serviceId, filing)
  await carryOutAll(db)
  return { serviceId, ref, items: (await readRotation(db, ref)).items }
}

test.each(['submitted', 'scheduled'] as const)(
  'a leak takes the place of a routine rotation that is %s: that one is closed, each names the other',
  async (status) => {
    const serviceId = await newService()
    const notBefore = new Date(Date.now() + DAY)
    const old = await file(db, world.owner, serviceId, { notBefore })
    if (status === 'scheduled') await approveRotation(db, world.agent, old, { revision: 1 })
    const ref = await leak(serviceId, old)
    const closed = await readRotation(db, old)
    expect(closed).toMatchObject({ status: 'closed', replacedBy: ref, nextDeadline: null })
    expect(closed.decisionReason).toBe(`Replaced by ${ref}, since a key was leaked.`)
    expect(closed.items.map((item) => item.status)).toEqual(['cancelled', 'cancelled'])
    expect((await movesOf(db, old)).at(-1)).toBe('close→closed')
    expect(await readRotation(db, ref)).toMatchObject({ status: 'submitted', replaces: old, reason: 'compromised' })
    expect(await lettersAbout(db, old, 'closed')).toEqual(['closed: Ada Owner'])
    for (const { keyId } of closed.items) expect(await acceptedVersions(keyId)).toHaveLength(1)
  },
)

test('of a key in overlap the older version dies with the filing, the newer one is what is replaced', async () => {
  const { serviceId, ref: old, items } = await inOverlap()
  const ref = await leak(serviceId, old, { overlapSeconds: 3600 })
  for (const { keyId, newVersionId } of items) expect(await acceptedVersions(keyId)).toEqual([newVersionId])
  const closed = await readRotation(db, old)
  expect(closed.items.map((item) => item.status)).toEqual(['retired', 'retired'])
  expect(closed.items.map((item) => item.oldVersion?.revokedAt)).toEqual(closed.items.map((item) => item.overlapEndsAt))
  expect(await lettersAbout(db, old, 'old-key-revoked')).toEqual([
    'old-key-revoked: Ada Owner',
    'old-key-revoked: Vic Viewer',
  ])
  await approveRotation(db, world.agent, ref, { revision: 1 })
  await carryOutAll(db)
  const replacing = await readRotation(db, ref)
  expect(replacing.items.map((item) => item.oldVersionId)).toEqual(items.map((item) => item.newVersionId))
  for (const { keyId } of items) expect(await acceptedVersions(keyId)).toHaveLength(2)
})

test('a failed key is freed for the rotation that replaces its own', async () => {
  const { id, authKeyId } = await addService(db, world.admin, world.organisationId, 'Failing')
  const old = await fileAndApprove(db, world, id)
  const version = db.updateTable('version').where('keyId', '=', authKeyId)
  const ownEnd = new Date(Date.now() + 3_600_000)
  await version.set({ ownEnd, acceptedUntil: ownEnd }).execute()
  await carryOutAll(db)
  await version.set({ ownEnd: null, acceptedUntil: null }).execute()
  expect((await readRotation(db, old)).status).toBe('needs_attention')
  await leak(id, old)
  const closed = await readRotation(db, old)
  expect(closed.status).toBe('closed')
  expect(closed.items.map((item) => item.status).toSorted()).toEqual(['cancelled', 'retired'])
})

test('a key in overlap that the filing leaves out is not stopped: nothing is filed', async () => {
  const { ref: old, items } = await inOverlap()
  const only = { items: [{ keyId: items[0]?.keyId ?? '' }] }
  const refusal = await refusalOf(leak('', old, only))
  expect([refusal.code, refusal.message]).toEqual(['ROTATION_IN_PROGRESS', expect.stringContaining('every key')])
  expect((await readRotation(db, old)).status).toBe('overlap')
  for (const { keyId } of items) expect(await acceptedVersions(keyId)).toHaveLength(2)
})

test('a pending key that the filing leaves out is cancelled with the rotation that was replaced', async () => {
  const { id, authKeyId, adminKeyId } = await addService(db, world.admin, world.organisationId, 'Half')
  const old = await file(db, world.owner, id)
  await leak('', old, { items: [{ keyId: authKeyId }] })
  expect((await readRotation(db, old)).items.map((item) => item.status)).toEqual(['cancelled', 'cancelled'])
  await file(db, world.owner, '', { items: [{ keyId: adminKeyId }] })
})

test('only a leak replaces, only what is live, of the same organisation, and no other leak', async () => {
  const { serviceId, ref: old } = await inOverlap()
  expect(await outcome(leak(serviceId, old, { reason: 'suspected' }))).toBe('INVALID_REQUEST')
  expect(await outcome(leak(await newService(), old))).toBe('INVALID_REQUEST')
  expect(await outcome(leak(serviceId, 'ROT-999999'))).toBe('NOT_FOUND')
  const elsewhere = await addOrganisation(db, 'Globex')
  const stranger = await addMember(db, elsewhere, 'owner', 'Eve Owner')
  const foreign = await addService(db, world.admin, elsewhere, 'Foreign')
  const theirs = { reason: 'compromised' as const, replaces: old }
  expect(await outcome(file(db, stranger, foreign.id, theirs))).toBe('NOT_FOUND')
  const replacing = await leak(serviceId, old)
  expect(await outcome(leak(serviceId, old))).toBe('ROTATION_IN_PROGRESS')
  expect(await outcome(leak(serviceId, replacing))).toBe('ROTATION_IN_PROGRESS')
})

test('a key in a third rotation stops the replacement', async () => {
  const first = await newService()
  const second = await newService()
  const old = await file(db, world.owner, first)
  await file(db, world.owner, second)
  const items = [first, second].map((serviceId) => ({ serviceId, kinds: ['auth', 'admin'] as const }))
  expect(await outcome(leak('', old, { items }))).toBe('ROTATION_IN_PROGRESS')
  expect((await readRotation(db, old)).status).toBe('submitted')
})

test('an agent alone stops no key: on behalf, only what has not begun is replaced', async () => {
  const onBehalfOf = { personId: world.owner.personId, verifiedBy: 'Called back.' }
  const { serviceId, ref: old, items } = await inOverlap()
  const filing = { reason: 'compromised' as const, onBehalfOf }
  expect(await outcome(file(db, world.agent, serviceId, { ...filing, replaces: old }))).toBe('NOT_ALLOWED')
  for (const { keyId } of items) expect(await acceptedVersions(keyId)).toHaveLength(2)
  const other = await newService()
  const waiting = await file(db, world.owner, other)
  const ref = await file(db, world.agent, other, { ...filing, replaces: waiting })
  expect(await readRotation(db, waiting)).toMatchObject({ status: 'closed', replacedBy: ref })
})

test('a token that may file and not revoke stops no key by filing', async () => {
  const { serviceId, ref: old, items } = await inOverlap()
  const token = { id: 'tok_ci', scopes: ['rotations:file'], unattended: true, ipRanges: [] }
  const machine = { ...world.owner, token }
  const replacing = { reason: 'compromised', replaces: old } as const
  expect(await outcome(file(db, machine, serviceId, replacing))).toBe('NOT_IN_SCOPE')
  for (const { keyId } of items) expect(await acceptedVersions(keyId)).toHaveLength(2)
  const both = { ...machine, token: { ...token, scopes: ['rotations:file', 'rotations:follow-up'], unattended: false } }
  expect(await outcome(file(db, both, serviceId, replacing))).toBe('done')
})

test('what was asked for about the replaced rotation lapses', async () => {
  const { serviceId, ref: old } = await inOverlap()
  await revokeEarly(db, world.owner, old, { at: new Date(Date.now() + 3_600_000) })
  await leak(serviceId, old)
  expect(await readRotation(db, old)).toMatchObject({ followUps: [{ status: 'lapsed' }] })
})

test(
  'of two filings that replace the same rotation at the same moment one is filed, the other told',
  LONG,
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { serviceId, ref: old, items } = await inOverlap()
      const run = () => leak(serviceId, old)
      expect(await race([run, run])).toEqual({ won: 1, refused: ['ROTATION_IN_PROGRESS'] })
      for (const { keyId, newVersionId } of items) expect(await acceptedVersions(keyId)).toEqual([newVersionId])
    }
  },
)

test(
  'of a replacement and the end of the overlap at the same moment one wins, and no key is left without a version',
  LONG,
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { serviceId, ref: old, items } = await inOverlap()
      await letTimePass(db, old, DAY)
      const { refused } = await race([() => leak(serviceId, old), () => carryOutNextDue(db, maker)])
      await carryOutAll(db)
      const outcome = { status: (await readRotation(db, old)).status, refused }
      expect([
        { status: 'closed', refused: [] },
        { status: 'completed', refused: ['ILLEGAL_MOVE'] },
      ]).toContainEqual(outcome)
      for (const { keyId, newVersionId } of items) expect(await acceptedVersions(keyId)).toEqual([newVersionId])
    }
  },
)

test(
  'of a replacement and an approval of what it replaces at the same moment, nothing of the old one is executed',
  LONG,
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const serviceId = await newService()
      const old = await file(db, world.owner, serviceId)
      await race([() => leak(serviceId, old), () => approveRotation(db, world.agent, old, { revision: 1 })])
      await carryOutAll(db)
      const closed = await readRotation(db, old)
      expect(closed.status).toBe('closed')
      expect(closed.items.every((item) => item.newVersionId === null)).toBe(true)
    }
  },
)

test('every invariant holds after all of this', async () => {
  expect(await findViolations(db)).toEqual([])
})
