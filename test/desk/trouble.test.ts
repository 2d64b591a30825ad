import { beforeAll, describe, expect, test } from 'vitest'
import { findService } from '../../src/database/keys/services.ts'
import { countLateItems } from '../../src/database/rotations/items.ts'
import { carryOutNextDue } from '../../src/desk/carry-out.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { extendOverlap } from '../../src/desk/follow-ups/extend.ts'
import { revokeEarly } from '../../src/desk/follow-ups/revoke-early.ts'
import { retryRotation } from '../../src/desk/retry.ts'
import { closeItem } from '../../src/desk/trouble/close-item.ts'
import { removeService } from '../../src/desk/trouble/remove-service.ts'
import { setKeyEnabled } from '../../src/keyring/keys/switch.ts'
import type { KeyMaker } from '../../src/keyring/make-version.ts'
import { createService } from '../../src/keyring/services.ts'
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
import { DAY, lettersOf, newService, openOverlap, read } from '../support/worlds/overlaps.ts'

const { db } = await openTestDatabase()
let world: DeskWorld
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

async function service() {
  count += 1
  return addService(db, world.admin, world.organisationId, `Troubled ${count}`)
}

/** A maker whose seal breaks for one key, as a bug of ours would. */
function breakingOn(keyId: string): KeyMaker {
  return {
    ...maker,
    sealer: {
      ...maker.sealer,
      seal(text: string, boundTo: string) {
        if (boundTo.includes(keyId)) throw new Error('the seal broke')
        return maker.sealer.seal(text, boundTo)
      },
    },
  }
}

/** Works until nothing is due; what was put off is due again at once. */
async function workThrough(broken: KeyMaker, ref: string): Promise<number> {
  let failures = 0
  for (let i = 0; i < 40; i++) {
    await db
      .updateTable('item')
      .set({ dueAt: new Date() })
      .where('rotationRef', '=', ref)
      .where('status', '=', 'pending')
      .execute()
    const done = await carryOutNextDue(db, broken).catch(() => {
      failures += 1
      return true
    })
    if (!done) return failures
  }
  throw new Error('there is always something due')
}

/** One key that can't be made, the other in its overlap. */
async function partFailed(reason: 'scheduled' | 'lost' = 'scheduled') {
  const { id, authKeyId, adminKeyId } = await service()
  const ref = await fileAndApprove(db, world, id, { reason })
  await workThrough(breakingOn(authKeyId), ref)
  const items = (await read(db, ref)).items
  const failed = items.find((item) => item.status === 'failed')
  return { ref, serviceId: id, authKeyId, adminKeyId, failedId: failed?.id ?? '' }
}

describe('a key that can’t be made', () => {
  test('fails after five tries in words for people, while the others go on and are told of', async () => {
    const { id, authKeyId } = await service()
    const ref = await fileAndApprove(db, world, id)
    expect(await workThrough(breakingOn(authKeyId), ref)).toBe(5)
    const rotation = await read(db, ref)
    expect(rotation.status).toBe('needs_attention')
    const auth = rotation.items.find((item) => item.kind === 'auth')
    expect(auth).toMatchObject({ status: 'failed', attempts: 5, problem: expect.stringContaining('error on our side') })
    expect(auth?.problem).not.toContain('seal')
    expect(auth?.oldVersion?.accepted).toBe(true)
    expect(rotation.items.find((item) => item.kind === 'admin')).toMatchObject({ status: 'overlap' })
    // The requester, who is the one owner, and both agents.
    expect(await lettersOf(db, ref)).toMatchObject({ failed: 3, 'new-keys-ready': 1 })
  })

  test('fails a rotation of one key from scheduled on', async () => {
    const { authKeyId } = await service()
    const ref = await fileAndApprove(db, world, '', { items: [{ keyId: authKeyId }] })
    await workThrough(breakingOn(authKeyId), ref)
    expect(await read(db, ref)).toMatchObject({ status: 'needs_attention', items: [{ status: 'failed' }] })
  })

  test('is made after a retry, and its people are told of that one alone', async () => {
    const { ref } = await partFailed()
    await retryRotation(db, world.agent, ref)
    await carryOutAll(db)
    const rotation = await read(db, ref)
    expect(rotation.status).toBe('overlap')
    expect(rotation.items.every((item) => item.status === 'overlap' && item.problem === null)).toBe(true)
    const ready = await db
      .selectFrom('letter')
      .select('facts')
      .where('thread', '=', ref)
      .where('kind', '=', 'new-keys-ready')
      .execute()
    expect(ready.map(({ facts }) => (Array.isArray(facts.items) ? facts.items.length : 0))).toEqual([1, 1])
  })

  test('that fails again is told of again', async () => {
    const { ref, authKeyId } = await partFailed()
    await retryRotation(db, world.agent, ref)
    await workThrough(breakingOn(authKeyId), ref)
    expect((await read(db, ref)).status).toBe('needs_attention')
    expect((await lettersOf(db, ref)).failed).toBe(6)
  })
})

describe('closing an item', () => {
  test('gives up on that key with the reason, and the others go on', async () => {
    const { ref, failedId } = await partFailed()
    expect((await refusalOf(closeItem(db, world.owner, failedId, { reason: 'no' }))).code).toBe('NOT_ALLOWED')
    await closeItem(db, world.agent, failedId, { reason: 'They use another key.' })
    const rotation = await read(db, ref)
    expect(rotation.status).toBe('overlap')
    expect(rotation.items.find(({ id }) => id === failedId)).toMatchObject({
      status: 'cancelled',
      problem: 'They use another key.',
    })
    expect((await lettersOf(db, ref)).closed).toBe(1)
    expect((await refusalOf(closeItem(db, world.agent, failedId, { reason: 'again' }))).code).toBe('ILLEGAL_MOVE')
  })

  test('completes a rotation whose other keys are done', async () => {
    const { ref, failedId } = await partFailed()
    await revokeEarly(db, world.owner, ref, {})
    await carryOutAll(db)
    expect((await read(db, ref)).status).toBe('needs_attention')
    await closeItem(db, world.agent, failedId, { reason: 'Given up.' })
    expect((await read(db, ref)).status).toBe('completed')
  })

  test('closes a rotation of which nothing was done, with the reason, and frees the key', async () => {
    const { authKeyId } = await service()
    const ref = await fileAndApprove(db, world, '', { items: [{ keyId: authKeyId }] })
    await workThrough(breakingOn(authKeyId), ref)
    const [item] = (await read(db, ref)).items
    await closeItem(db, world.agent, item?.id ?? '', { reason: 'Given up.' })
    expect(await read(db, ref)).toMatchObject({ status: 'closed', decisionReason: 'Given up.', nextDeadline: null })
    await file(db, world.owner, '', { items: [{ keyId: authKeyId }] })
  })

  test('takes no key into its reason and knows no foreign item', async () => {
    const { failedId } = await partFailed()
    const leak = closeItem(db, world.agent, failedId, { reason: `rk_auth_live_${'a'.repeat(38)}` })
    expect((await refusalOf(leak)).code).toBe('CONTAINS_SECRET')
    expect((await refusalOf(closeItem(db, world.agent, 'itm_unknown', { reason: 'no' }))).code).toBe('NOT_FOUND')
  })

  test('takes single keys out of a rotation whose approval went stale', async () => {
    const ref = await fileAndApprove(db, world, await newService(db, world))
    const longAgo = new Date(Date.now() - 8 * DAY)
    await db.updateTable('rotation').set({ decidedAt: longAgo }).where('ref', '=', ref).execute()
    await carryOutAll(db)
    expect((await read(db, ref)).status).toBe('needs_attention')
    const [first, second] = (await read(db, ref)).items
    await closeItem(db, world.agent, first?.id ?? '', { reason: 'Not this one.' })
    expect(await read(db, ref)).toMatchObject({
      status: 'needs_attention',
      items: [{ status: 'cancelled' }, { status: 'pending' }],
    })
    await closeItem(db, world.agent, second?.id ?? '', { reason: 'Nor this one.' })
    expect((await read(db, ref)).status).toBe('closed')
  })
})

describe('removing a service', () => {
  const remove = async (serviceId: string) => {
    const found = await findService(db, world.owner, serviceId)
    return removeService(db, world.owner, { serviceId, confirmName: found?.name ?? '' })
  }

  test('ends its keys at once and closes a rotation that has nothing else to do, whatever it was about to do', async () => {
    const waiting = await file(db, world.owner, (await service()).id)
    const scheduled = await fileAndApprove(db, world, (await service()).id, { notBefore: new Date(Date.now() + DAY) })
    const overlapping = await openOverlap(db, world, { serviceId: (await service()).id })
    const failing = await partFailed()
    const ends = { [waiting]: 'skipped', [scheduled]: 'skipped', [overlapping]: 'retired' }
    for (const ref of [waiting, scheduled, overlapping, failing.ref]) {
      const serviceId = (await read(db, ref)).items[0]?.serviceId ?? ''
      expect((await remove(serviceId)).refs).toEqual([ref])
      const rotation = await read(db, ref)
      expect(rotation).toMatchObject({
        status: 'closed',
        decisionReason: 'The service was removed.',
        nextDeadline: null,
      })
      const statuses = [...new Set(rotation.items.map(({ status }) => status))]
      expect(statuses.toSorted()).toEqual(ref === failing.ref ? ['cancelled', 'retired'] : [ends[ref]])
      for (const item of rotation.items) {
        for (const version of [item.oldVersion, item.newVersion]) expect(version?.accepted ?? false).toBe(false)
      }
      expect((await lettersOf(db, ref)).closed).toBe(1)
    }
  })

  test('leaves the keys of other services in their rotations', async () => {
    const [gone, stays] = [await service(), await service()]
    const items = [gone, stays].map(({ id }) => ({ serviceId: id, kinds: ['auth', 'admin'] as const }))
    const ref = await openOverlap(db, world, { items })
    const pending = await service()
    const alsoGone = await service()
    const two = [pending, alsoGone].map(({ id }) => ({ serviceId: id, kinds: ['auth'] as const }))
    const scheduled = await fileAndApprove(db, world, '', { items: two, notBefore: new Date(Date.now() + DAY) })
    await remove(gone.id)
    await remove(alsoGone.id)
    expect((await read(db, ref)).items.map(({ status }) => status)).toEqual([
      'retired',
      'retired',
      'overlap',
      'overlap',
    ])
    expect((await read(db, ref)).status).toBe('overlap')
    expect(await read(db, scheduled)).toMatchObject({
      status: 'scheduled',
      items: [{ status: 'pending' }, { status: 'skipped' }],
    })
  })

  test('tells everybody who could view its keys, lets a request about them lapse, and frees its name', async () => {
    const { id } = await service()
    const ref = await openOverlap(db, world, { serviceId: id, reason: 'lost' })
    await extendOverlap(db, world.owner, ref, { overlapEndsAt: new Date(Date.now() + 5 * DAY) })
    const name = (await findService(db, world.owner, id))?.name ?? ''
    await addMember(db, world.organisationId, 'viewer', 'Vic Viewer')
    await remove(id)
    const told = await db
      .selectFrom('letter')
      .select('facts')
      .where('naturalKey', 'like', `notice/service_removed/${id}/%`)
      .execute()
    expect(told.map(({ facts }) => facts.about)).toEqual([name, name])
    expect((await read(db, ref)).followUps).toMatchObject([{ status: 'lapsed' }])
    expect(await findService(db, world.owner, id)).toBeUndefined()
    await createService(db, maker, world.owner, { name, environment: 'live' })
  })

  test('is for an owner who types its name, once', async () => {
    const { id } = await service()
    const wrong = removeService(db, world.owner, { serviceId: id, confirmName: 'something' })
    expect(await refusalOf(wrong)).toMatchObject({ code: 'INVALID_REQUEST', errors: [{ pointer: '/confirmName' }] })
    const stranger = await addMember(db, await addOrganisation(db, 'Globex'), 'owner', 'Eve Owner')
    const name = (await findService(db, world.owner, id))?.name ?? ''
    const removal = { serviceId: id, confirmName: name }
    expect(await outcome(removeService(db, stranger, removal))).toBe('NOT_FOUND')
    expect(await outcome(removeService(db, world.agent, removal))).toBe('NOT_ALLOWED')
    expect(await outcome(removeService(db, world.owner, removal))).toBe('done')
    expect(await outcome(removeService(db, world.owner, removal))).toBe('NOT_FOUND')
    expect(await outcome(file(db, world.owner, id))).toBe('NOT_FOUND')
  })

  test('and a filing, an approval, a start or an end at the same moment never leave a live item or an accepted key behind', async () => {
    for (let round = 0; round < 20; round++) {
      const { id } = await service()
      const name = (await findService(db, world.owner, id))?.name ?? ''
      const filed = round % 2 === 0 ? await file(db, world.owner, id) : await fileAndApprove(db, world, id)
      if (round % 4 === 3) await carryOutAll(db)
      const others = [
        () => approveRotation(db, world.agent, filed, { revision: 1 }),
        () => carryOutNextDue(db, maker),
        () => revokeEarly(db, world.owner, filed, {}),
        () => file(db, world.owner, id, { items: [{ keyId: id }] }),
      ]
      const other = others[round % 4] ?? (() => Promise.resolve())
      const [removed] = await Promise.all([
        outcome(removeService(db, world.owner, { serviceId: id, confirmName: name })),
        outcome(other()),
      ])
      expect(removed).toBe('done')
      await carryOutAll(db)
    }
    expect(await findViolations(db)).toEqual([])
  })

  test('a service that is filed while it is removed is removed with that rotation too', async () => {
    for (let round = 0; round < 20; round++) {
      const { id } = await service()
      const name = (await findService(db, world.owner, id))?.name ?? ''
      const [removed, filed] = await Promise.all([
        outcome(removeService(db, world.owner, { serviceId: id, confirmName: name })),
        outcome(file(db, world.owner, id)),
      ])
      expect([removed, ['done', 'NOT_FOUND', 'NO_KEYS'].includes(filed)]).toEqual(['done', true])
    }
  })
})

describe('a key that changed meanwhile', () => {
  test('is skipped when it was disabled, and a rotation of nothing but such keys changes none', async () => {
    const { id, authKeyId, adminKeyId } = await service()
    const ref = await fileAndApprove(db, world, id)
    await setKeyEnabled(db, world.owner, authKeyId, false)
    await setKeyEnabled(db, world.owner, adminKeyId, false)
    await carryOutAll(db)
    const rotation = await read(db, ref)
    expect(rotation.items.map(({ status, problem }) => [status, problem])).toEqual([
      ['skipped', 'The key is disabled.'],
      ['skipped', 'The key is disabled.'],
    ])
    expect(rotation.status).toBe('completed')
  })

  test('fails when it would expire in the overlap by now, and is made after a retry once it does not', async () => {
    const { authKeyId } = await service()
    const ref = await fileAndApprove(db, world, '', { items: [{ keyId: authKeyId }] })
    const ownEnd = new Date(Date.now() + 3_600_000)
    await db.updateTable('version').set({ ownEnd, acceptedUntil: ownEnd }).where('keyId', '=', authKeyId).execute()
    await carryOutAll(db)
    expect((await read(db, ref)).items).toMatchObject([{ status: 'failed', attempts: 1 }])
    await db.updateTable('version').set({ ownEnd: null, acceptedUntil: null }).where('keyId', '=', authKeyId).execute()
    await retryRotation(db, world.agent, ref)
    await carryOutAll(db)
    expect((await read(db, ref)).status).toBe('overlap')
  })
})

describe('a late worker', () => {
  async function dueSince(minutes: number): Promise<string> {
    const ref = await fileAndApprove(db, world, (await service()).id)
    const dueAt = new Date(Date.now() - minutes * 60_000)
    await db.updateTable('item').set({ dueAt }).where('rotationRef', '=', ref).execute()
    return ref
  }

  test('is seen after a minute, by item and in number, and no longer once it has worked', async () => {
    expect(await countLateItems(db)).toBe(0)
    const [soon, late] = [await dueSince(0.5), await dueSince(2)]
    expect((await read(db, soon)).items.map((item) => item.late)).toEqual([false, false])
    expect((await read(db, late)).items.map((item) => item.late)).toEqual([true, true])
    expect(await countLateItems(db)).toBe(2)
    await carryOutAll(db)
    expect(await countLateItems(db)).toBe(0)
    expect((await lettersOf(db, late)).delayed).toBeUndefined()
  })

  test('of more than a quarter of an hour is told to the requester once, with every key that waited', async () => {
    const ref = await dueSince(16)
    await carryOutAll(db)
    const letters = await db
      .selectFrom('letter')
      .select('facts')
      .where('thread', '=', ref)
      .where('kind', '=', 'delayed')
      .execute()
    expect(letters.map(({ facts }) => (Array.isArray(facts.items) ? facts.items.length : 0))).toEqual([2])
    expect((await read(db, ref)).status).toBe('overlap')
  })
})

test('every invariant holds after all of this', async () => {
  expect(await findViolations(db)).toEqual([])
})
