import { sql } from 'kysely'
import { beforeAll, describe, expect, test } from 'vitest'
import { approveRotation } from '../../src/desk/decide.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { type Finding, reportLeaks } from '../../src/desk/leaks/report.ts'
import { withdrawRotation } from '../../src/desk/withdraw.ts'
import { setKeyEnabled } from '../../src/keyring/keys/switch.ts'
import { isAccepted } from '../../src/rules/keys/verdict.ts'
import type { LeakResponse } from '../../src/rules/policy.ts'
import { openTestDatabase } from '../support/database.ts'
import { findViolations } from '../support/invariants.ts'
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
import { sealedSecret } from '../support/worlds/secrets.ts'
import { DAY, lettersAbout, movesOf, readRotation } from '../support/worlds/story.ts'

const { db } = await openTestDatabase()
const LONG = { timeout: 120_000 }
const ROUNDS = 20
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
  await addMember(db, world.organisationId, 'viewer', 'Vic Viewer')
})

async function newService(response?: LeakResponse) {
  count += 1
  const service = await addService(db, world.admin, world.organisationId, `Service ${count}`)
  if (response !== undefined) {
    await db.insertInto('servicePolicy').values({ serviceId: service.id, leakResponse: response }).execute()
  }
  const { text, versionId } = await sealedSecret(db, maker.sealer, service.authKeyId)
  return { ...service, text, versionId }
}

const URL_OF_LEAK = 'https://github.example/acme/shop/blob/main/.env'

async function report(key: string, more: Partial<Finding> = {}) {
  const [handled] = await reportLeaks(db, 'rk', [{ key, source: 'GitHub', url: URL_OF_LEAK, ...more }])
  if (handled === undefined) throw new Error('it was not answered')
  return handled
}

async function reportedRef(key: string, more: Partial<Finding> = {}): Promise<string> {
  const { rotationRef } = await report(key, more)
  if (rotationRef === null) throw new Error('no rotation was opened')
  return rotationRef
}

function versionOf(id: string) {
  return db.selectFrom('version').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

async function acceptedVersions(keyId: string): Promise<string[]> {
  const versions = await db.selectFrom('version').selectAll().where('keyId', '=', keyId).orderBy('createdAt').execute()
  return versions.filter((version) => isAccepted(version, new Date())).map((version) => version.id)
}

async function notices(about: string): Promise<string[]> {
  const rows = await db.selectFrom('letter').select(['toName', 'facts']).where('kind', '=', 'security-notice').execute()
  return rows
    .filter(({ facts }) => facts.notice === 'key_leaked' && String(facts.about).includes(about))
    .map(({ toName, facts }) => `${toName}: ${String(facts.note)}`)
}

/** As if the version had stopped by itself a while ago. */
async function endVersion(id: string): Promise<void> {
  const past = sql<Date>`date_trunc('milliseconds', clock_timestamp() - interval '1 hour')`
  await db.updateTable('version').set({ acceptedUntil: past }).where('id', '=', id).execute()
}

describe('a report of a leaked key', () => {
  test('opens one compromised rotation of that key, filed by the desk for an owner, with the evidence', async () => {
    const { authKeyId, text, versionId, id } = await newService()
    const ref = await reportedRef(text)
    const rotation = await readRotation(db, ref)
    expect(rotation).toMatchObject({
      status: 'submitted',
      reason: 'compromised',
      trigger: 'leak',
      evidenceUrl: URL_OF_LEAK,
      filedBy: null,
      requester: { id: world.owner.personId },
      overlapSeconds: 86_400,
    })
    expect(rotation.items.map(({ keyId }) => keyId)).toEqual([authKeyId])
    expect(await acceptedVersions(authKeyId)).toEqual([versionId])
    expect(await lettersAbout(db, ref)).toEqual(['approval-needed: Gia Agent', 'approval-needed: Gus Agent'])
    const service = await db.selectFrom('service').select('name').where('id', '=', id).executeTakeFirstOrThrow()
    expect(await notices(`of ${service.name} (live)`)).toEqual([
      `Ada Owner: The version that ends in ${text.slice(-4)} was found. It is accepted until it is replaced. ${ref} replaces the key; follow it there.`,
    ])
  })

  test('is carried out as any other, by an agent and the worker', async () => {
    const { authKeyId, text } = await newService()
    const ref = await reportedRef(text)
    await approveRotation(db, world.agent, ref, { revision: 1 })
    await carryOutAll(db)
    expect((await readRotation(db, ref)).status).toBe('overlap')
    expect(await acceptedVersions(authKeyId)).toHaveLength(2)
  })

  test('that comes again changes nothing', async () => {
    const { text } = await newService()
    const ref = await reportedRef(text)
    const before = await db.selectFrom('auditEntry').select('sequence').execute()
    expect(await report(text)).toEqual({ known: true, rotationRef: ref })
    expect(await db.selectFrom('auditEntry').select('sequence').execute()).toHaveLength(before.length)
  })

  test('from another place follows the rotation that is under way, and writes no second letter', async () => {
    const { text, versionId, id } = await newService()
    const ref = await reportedRef(text)
    expect(await report(text, { url: 'https://paste.example/1' })).toEqual({ known: true, rotationRef: ref })
    const reports = await db.selectFrom('leakReport').select('rotationRef').where('versionId', '=', versionId).execute()
    expect(reports).toEqual([{ rotationRef: ref }, { rotationRef: ref }])
    const service = await db.selectFrom('service').select('name').where('id', '=', id).executeTakeFirstOrThrow()
    expect(await notices(`of ${service.name} (live)`)).toHaveLength(1)
  })

  test('of a key that is nobody’s, or no key at all, leaves no trace', async () => {
    const before = await db.selectFrom('leakReport').select('id').execute()
    for (const key of ['', 'x', 'rk_auth_live_nonsense', 'k'.repeat(300), `sk_${'a'.repeat(40)}`]) {
      expect(await report(key)).toEqual({ known: false, rotationRef: null })
    }
    expect(await db.selectFrom('leakReport').select('id').execute()).toHaveLength(before.length)
  })

  test('never keeps the key, wherever in the report it stands', async () => {
    const { text, versionId } = await newService()
    await report(text, { source: `found ${text}`, url: `https://x.example/?k=${text}` })
    const [kept] = await db.selectFrom('leakReport').selectAll().where('versionId', '=', versionId).execute()
    expect(kept).toMatchObject({ source: 'unknown', url: '' })
  })

  test.each([
    [`${'x'.repeat(70)} KEY`, ''],
    ['KEY', `https://x.example/?k=CODED`],
  ])('keeps no part of it either: %s', async (source, url) => {
    const { text, versionId } = await newService()
    const coded = [...text].map((character) => `%${character.charCodeAt(0).toString(16)}`).join('')
    await report(text, { source: source.replace('KEY', text), url: url.replace('CODED', coded) })
    const [kept] = await db.selectFrom('leakReport').selectAll().where('versionId', '=', versionId).execute()
    expect(kept).toMatchObject({ source: 'unknown', url: '' })
  })

  test.each([
    'javascript:alert(1)',
    'ftp://x.example/',
    'https://a:b@x.example/',
    'no address',
    `https://x.example/${'a'.repeat(2_000)}`,
  ])('keeps no link to %s', async (url) => {
    const { text, versionId } = await newService()
    await report(text, { url })
    const [kept] = await db.selectFrom('leakReport').select('url').where('versionId', '=', versionId).execute()
    expect(kept).toEqual({ url: '' })
  })

  test('of several keys answers for each in turn', async () => {
    const [one, two] = [await newService(), await newService()]
    const findings = [one.text, 'rk_nothing', two.text].map((key) => ({ key, source: 'GitHub' }))
    const handled = await reportLeaks(db, 'rk', findings)
    expect(handled.map(({ known }) => known)).toEqual([true, false, true])
    expect(handled[0]?.rotationRef).not.toBe(handled[2]?.rotationRef)
  })

  test('delivered twenty times at once opens one rotation', LONG, async () => {
    for (let round = 0; round < 5; round += 1) {
      const { authKeyId, text } = await newService()
      const handled = await Promise.all(Array.from({ length: 20 }, () => report(text)))
      expect(new Set(handled.map(({ rotationRef }) => rotationRef)).size).toBe(1)
      const items = await db.selectFrom('item').select('rotationRef').where('keyId', '=', authKeyId).execute()
      expect(items).toEqual([{ rotationRef: handled[0]?.rotationRef }])
    }
  })

  test('and an owner’s filing at the same moment end in one live rotation', LONG, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { id, authKeyId, text } = await newService()
      const results = await Promise.allSettled([file(db, world.owner, id), report(text)])
      expect(results[1]?.status).toBe('fulfilled')
      const live = await db
        .selectFrom('item')
        .innerJoin('rotation', 'rotation.ref', 'item.rotationRef')
        .select('rotation.trigger')
        .where('keyId', '=', authKeyId)
        .where('item.status', '=', 'pending')
        .execute()
      expect(live).toEqual([{ trigger: 'leak' }])
    }
  })

  test('and a withdrawal of what it replaces at the same moment both come to an end', LONG, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { id, text } = await newService()
      const old = await file(db, world.owner, id)
      const [withdrawn, handled] = await Promise.allSettled([withdrawRotation(db, world.owner, old), report(text)])
      expect(handled.status).toBe('fulfilled')
      const { status, items } = await readRotation(db, old)
      if (withdrawn.status === 'fulfilled') expect(status).toBe('withdrawn')
      else expect(items.map((item) => item.status).toSorted()).toEqual(['cancelled', 'pending'])
    }
  })
})

describe('the policy', () => {
  test('“shorten” ends the leaked version within 24 hours, and never moves an end further away', async () => {
    const { text, versionId } = await newService('shorten')
    await report(text)
    const { acceptedUntil, ownEnd } = await versionOf(versionId)
    expect(Math.abs(Number(acceptedUntil) - Date.now() - DAY)).toBeLessThan(60_000)
    expect(ownEnd).toBeNull()
    const near = await newService('shorten')
    const soon = new Date(Date.now() + 3_600_000)
    await db
      .updateTable('version')
      .set({ acceptedUntil: soon, ownEnd: soon })
      .where('id', '=', near.versionId)
      .execute()
    await report(near.text)
    expect((await versionOf(near.versionId)).acceptedUntil).toEqual(soon)
  })

  test('“disable” ends it at once, and the rotation still makes a new version', async () => {
    const { authKeyId, text, versionId } = await newService('disable')
    const ref = await reportedRef(text)
    expect(await acceptedVersions(authKeyId)).toEqual([])
    await approveRotation(db, world.agent, ref, { revision: 1 })
    await carryOutAll(db)
    const { status, items } = await readRotation(db, ref)
    expect(status).toBe('completed')
    expect(items[0]).toMatchObject({ status: 'retired', oldVersionId: versionId })
    expect(await acceptedVersions(authKeyId)).toEqual([items[0]?.newVersionId])
    expect((await versionOf(versionId)).revokedAt).not.toBeNull()
  })

  test('“shorten” whose day is over before anybody approves still ends in a new version', async () => {
    const { authKeyId, text, versionId } = await newService('shorten')
    const ref = await reportedRef(text)
    await endVersion(versionId)
    const ended = (await versionOf(versionId)).acceptedUntil
    await approveRotation(db, world.agent, ref, { revision: 1 })
    await carryOutAll(db)
    expect((await readRotation(db, ref)).status).toBe('completed')
    expect((await versionOf(versionId)).acceptedUntil).toEqual(ended)
    expect(await acceptedVersions(authKeyId)).toHaveLength(1)
  })

  test.each(['shorten', 'disable'] as const)('“%s” ends the old half of a leak’s overlap earlier', async (response) => {
    const { id, authKeyId, text, versionId } = await newService()
    const items = [{ keyId: authKeyId }]
    const ref = await fileAndApprove(db, world, id, { items, reason: 'compromised', overlapSeconds: 10 * 86_400 })
    await carryOutAll(db)
    await db.insertInto('servicePolicy').values({ serviceId: id, leakResponse: response }).execute()
    expect(await report(text)).toEqual({ known: true, rotationRef: ref })
    const { status, items: after } = await readRotation(db, ref)
    const [item] = after
    if (response === 'disable') {
      expect([status, item?.status]).toEqual(['completed', 'retired'])
      expect(await acceptedVersions(authKeyId)).toEqual([item?.newVersionId])
    } else {
      const { acceptedUntil } = await versionOf(versionId)
      expect(item?.overlapEndsAt).toEqual(acceptedUntil)
      expect(Number(acceptedUntil)).toBeLessThan(Date.now() + DAY + 60_000)
    }
  })
})

describe('where the key is in a rotation already', () => {
  test('a routine one that waits is closed as replaced', async () => {
    const { id, authKeyId, text } = await newService()
    const old = await file(db, world.owner, id, { items: [{ keyId: authKeyId }] })
    const ref = await reportedRef(text)
    expect(await readRotation(db, old)).toMatchObject({ status: 'closed', replacedBy: ref })
    expect((await readRotation(db, ref)).replaces).toBe(old)
    expect(await lettersAbout(db, old, 'closed')).toEqual(['closed: Ada Owner'])
  })

  test('the other keys of it go on, and none of their old versions stops', async () => {
    const { id, authKeyId, adminKeyId, text } = await newService()
    const old = await fileAndApprove(db, world, id)
    await carryOutAll(db)
    const ref = await reportedRef(text)
    const { status, items } = await readRotation(db, old)
    expect(status).toBe('overlap')
    expect(items.map((item) => [item.kind, item.status])).toEqual([
      ['auth', 'retired'],
      ['admin', 'overlap'],
    ])
    expect(await acceptedVersions(adminKeyId)).toHaveLength(2)
    expect(await acceptedVersions(authKeyId)).toEqual([items[0]?.newVersionId])
    expect((await readRotation(db, ref)).replaces).toBeNull()
    expect(await lettersAbout(db, old, 'old-key-revoked')).toHaveLength(2)
  })

  test('waiting together with others, it alone is taken out', async () => {
    const { id, text } = await newService()
    const old = await file(db, world.owner, id, { notBefore: new Date(Date.now() + DAY) })
    await approveRotation(db, world.agent, old, { revision: 1 })
    await report(text)
    const { status, items } = await readRotation(db, old)
    expect([status, ...items.map((item) => item.status)]).toEqual(['scheduled', 'cancelled', 'pending'])
  })

  test('the new half of an overlap opens one of its own, even where the old half had leaked too', async () => {
    const { id, authKeyId } = await newService()
    const items = [{ keyId: authKeyId }]
    const old = await fileAndApprove(db, world, id, { items, reason: 'compromised' })
    await carryOutAll(db)
    const { text, versionId } = await sealedSecret(db, maker.sealer, authKeyId)
    const ref = await reportedRef(text)
    expect(ref).not.toBe(old)
    expect(await acceptedVersions(authKeyId)).toEqual([versionId])
    expect((await movesOf(db, old)).at(-1)).toBe('close→closed')
    await approveRotation(db, world.agent, ref, { revision: 1 })
    await carryOutAll(db)
    expect((await readRotation(db, ref)).items[0]).toMatchObject({ status: 'overlap', oldVersionId: versionId })
  })

  test('an old half that leaks while the new one waits to work leaves that one working at once', async () => {
    const { id, authKeyId, text } = await newService()
    await db.insertInto('servicePolicy').values({ serviceId: id, cooldownSeconds: 86_400 }).execute()
    const old = await fileAndApprove(db, world, id, { items: [{ keyId: authKeyId }] })
    await carryOutAll(db)
    const made = (await readRotation(db, old)).items[0]?.newVersionId
    const ref = await reportedRef(text)
    expect(await acceptedVersions(authKeyId)).toEqual([made])
    await approveRotation(db, world.agent, ref, { revision: 1 })
    await carryOutAll(db)
    expect((await readRotation(db, ref)).items[0]).toMatchObject({ status: 'overlap', oldVersionId: made })
  })

  test.each([
    ['is stopped by the policy', 'disable', 0],
    ['waits to work', 'tell', 86_400],
  ] as const)(
    'a new half that %s gives its place back to the old one, which nobody found',
    async (_, response, wait) => {
      const { id, authKeyId, versionId } = await newService(response)
      await db.updateTable('servicePolicy').set({ cooldownSeconds: wait }).where('serviceId', '=', id).execute()
      const old = await fileAndApprove(db, world, id, { items: [{ keyId: authKeyId }] })
      await carryOutAll(db)
      const { text, versionId: leaked } = await sealedSecret(db, maker.sealer, authKeyId)
      const ref = await reportedRef(text)
      expect(await acceptedVersions(authKeyId)).toEqual([versionId])
      expect(await versionOf(versionId)).toMatchObject({ revokedAt: null, acceptedUntil: null })
      expect(await versionOf(leaked)).toMatchObject({ sealed: null, rolledBackAt: expect.any(Date) })
      expect(await readRotation(db, old)).toMatchObject({ status: 'closed', items: [{ status: 'rolled_back' }] })
      expect(await lettersAbout(db, old, 'old-key-revoked')).toEqual([])
      await approveRotation(db, world.agent, ref, { revision: 1 })
      await carryOutAll(db)
      expect((await readRotation(db, ref)).items[0]).toMatchObject({ oldVersionId: versionId })
      expect(await acceptedVersions(authKeyId)).not.toContain(leaked)
    },
  )

  test('“shorten” leaves a revocation of the old half that is planned for sooner where it is', async () => {
    const { id, authKeyId, text } = await newService('shorten')
    const items = [{ keyId: authKeyId }]
    const ref = await fileAndApprove(db, world, id, { items, reason: 'compromised', overlapSeconds: 10 * 86_400 })
    await carryOutAll(db)
    const at = new Date(Date.now() + 3_600_000)
    await revokeEarly(db, world.owner, ref, { at })
    await report(text)
    expect((await readRotation(db, ref)).items[0]?.overlapEndsAt).toEqual(at)
  })

  test('a version that has stopped already is only told of', async () => {
    const { id, authKeyId, text } = await newService('disable')
    const ref = await fileAndApprove(db, world, id, { items: [{ keyId: authKeyId }] })
    await carryOutAll(db)
    await revokeEarly(db, world.owner, ref, {})
    await carryOutAll(db)
    const accepted = await acceptedVersions(authKeyId)
    expect(await report(text)).toEqual({ known: true, rotationRef: null })
    expect(await acceptedVersions(authKeyId)).toEqual(accepted)
    const service = await db.selectFrom('service').select('name').where('id', '=', id).executeTakeFirstOrThrow()
    expect(await notices(`of ${service.name} (live)`)).toEqual([expect.stringContaining('nothing to do')])
  })
})

test('a disabled key gets no rotation, yet its leaked version is stopped where the policy says so', async () => {
  const { authKeyId, text, versionId } = await newService('disable')
  await setKeyEnabled(db, world.owner, authKeyId, false)
  expect(await report(text)).toEqual({ known: true, rotationRef: null })
  expect((await versionOf(versionId)).revokedAt).not.toBeNull()
})

test('an organisation without an owner is reported to the staff all the same', async () => {
  const organisationId = await addOrganisation(db, 'Orphans')
  const { authKeyId } = await addService(db, world.admin, organisationId, 'Alone')
  const { text, versionId } = await sealedSecret(db, maker.sealer, authKeyId)
  expect(await report(text)).toEqual({ known: true, rotationRef: null })
  expect(await db.selectFrom('leakReport').select('id').where('versionId', '=', versionId).execute()).toHaveLength(1)
})

test('nothing of all this broke an invariant', async () => {
  expect(await findViolations(db)).toEqual([])
})
