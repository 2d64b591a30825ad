import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findPolicies, findPolicy } from '../../../src/database/policy.ts'
import { approveRotation } from '../../../src/desk/decide.ts'
import { changePolicy } from '../../../src/desk/policies/desk-policy.ts'
import { changePolicyOfService } from '../../../src/desk/policies/service-policy.ts'
import { removeService } from '../../../src/desk/trouble/remove-service.ts'
import { LEAK_RESPONSES } from '../../../src/rules/policy.ts'
import { Refusal } from '../../../src/rules/refusals.ts'
import { DAY_SECONDS, MAX_OVERLAP_SECONDS } from '../../../src/rules/rotations/overlap.ts'
import { openTestDatabase } from '../../support/database.ts'
import { findViolations } from '../../support/invariants.ts'
import { refusalOf } from '../../support/refusals.ts'
import { addService, carryOutAll, type DeskWorld, file, makeDeskWorld } from '../../support/worlds/desk-world.ts'

const { db } = await openTestDatabase()
let world: DeskWorld
let service: DeskWorld['service']
let count = 0

beforeAll(async () => {
  world = await makeDeskWorld(db)
})

const DEFAULTS = {
  longestOverlapSeconds: MAX_OVERLAP_SECONDS,
  overlapByReason: null,
  approvalsNeeded: 1,
  selfService: false,
  cooldownSeconds: 0,
  remindAgeDays: 90,
  fileAgeDays: null,
  filingRanges: [],
  leakResponse: 'tell',
} as const

beforeEach(async () => {
  count += 1
  await db.deleteFrom('servicePolicy').execute()
  await changePolicy(db, world.admin, DEFAULTS)
  service = await addService(db, world.admin, world.organisationId, `Service ${count}`)
})

function entriesOf(chain: string) {
  return db
    .selectFrom('auditEntry')
    .select('body')
    .where('chain', '=', chain)
    .where('action', '=', 'policy.change')
    .orderBy('sequence')
    .execute()
}

async function policyOf(serviceId: string) {
  return (await findPolicies(db, [serviceId])).get(serviceId)
}

describe('a change of the desk’s policy', () => {
  test('holds for every service without terms of its own, and is written down with what was', async () => {
    await changePolicyOfService(db, world.admin, service.id, { longestOverlapSeconds: 60 })
    const other = await addService(db, world.admin, world.organisationId, `Other ${count}`)
    await changePolicy(db, world.admin, { longestOverlapSeconds: 3600, overlapByReason: { lost: 60 } })
    expect(await policyOf(service.id)).toMatchObject({ longestOverlapSeconds: 60, overlapByReason: { lost: 60 } })
    expect(await policyOf(other.id)).toMatchObject({ longestOverlapSeconds: 3600 })
    const last = (await entriesOf('desk')).at(-1)?.body ?? ''
    expect(JSON.parse(last)).toMatchObject({
      actor: world.admin.personId,
      changed: ['longestOverlapSeconds', 'overlapByReason'],
      longestOverlapSecondsBefore: MAX_OVERLAP_SECONDS,
      longestOverlapSecondsAfter: 3600,
      overlapByReasonAfter: ['lost 60'],
    })
  })

  test('that changes nothing is none: no entry, no revision', async () => {
    const before = [await findPolicy(db), await entriesOf('desk')]
    await changePolicy(db, world.admin, { longestOverlapSeconds: MAX_OVERLAP_SECONDS, filingRanges: [] })
    expect([await findPolicy(db), await entriesOf('desk')]).toEqual(before)
  })

  test('is refused when somebody else made one since it was seen', async () => {
    const { revision } = await findPolicy(db)
    await changePolicy(db, world.admin, { cooldownSeconds: 60 }, revision)
    expect((await refusalOf(changePolicy(db, world.admin, { cooldownSeconds: 90 }, revision))).code).toBe(
      'STALE_REVISION',
    )
  })

  test('is for administrators alone', async () => {
    for (const actor of [world.agent, world.owner]) {
      expect((await refusalOf(changePolicy(db, actor, {}))).code).toBe('NOT_ALLOWED')
      expect((await refusalOf(changePolicyOfService(db, actor, service.id, {}))).code).toBe('NOT_ALLOWED')
    }
  })
})

describe('nonsense is refused at its field', () => {
  test.each([
    [
      'a cooldown longer than the longest overlap',
      { longestOverlapSeconds: 60, cooldownSeconds: 61 },
      'cooldownSeconds',
    ],
    ['one longer than for a reason', { overlapByReason: { lost: 60 }, cooldownSeconds: 61 }, 'cooldownSeconds'],
    [
      'a reason longer than all of them',
      { longestOverlapSeconds: 60, overlapByReason: { lost: 61 } },
      'overlapByReasonSeconds/lost',
    ],
    ['no address', { filingRanges: ['192.0.2.0/24', 'everywhere'] }, 'filingRanges'],
  ])('%s', async (_name, changes, field) => {
    for (const change of [
      () => changePolicy(db, world.admin, changes),
      () => changePolicyOfService(db, world.admin, service.id, changes),
    ]) {
      const { code, errors } = await refusalOf(change())
      expect([code, errors[0]?.pointer]).toEqual(['INVALID_REQUEST', `/${field}`])
    }
  })

  test('a leak skips the cooldown, so its overlap may be shorter', async () => {
    await changePolicy(db, world.admin, { overlapByReason: { compromised: 0 }, cooldownSeconds: DAY_SECONDS })
  })

  test('what doesn’t fit a service’s own terms is refused with the service’s name', async () => {
    await changePolicyOfService(db, world.admin, service.id, { longestOverlapSeconds: 60 })
    const refusal = await refusalOf(changePolicy(db, world.admin, { cooldownSeconds: 61 }))
    expect(refusal.errors[0]?.message).toContain(`Service ${count}`)
  })

  test('a change of the desk and one of a service at the same time never make nonsense together', async () => {
    for (let round = 0; round < 20; round += 1) {
      await Promise.allSettled([
        changePolicy(db, world.admin, { cooldownSeconds: 61 }),
        changePolicyOfService(db, world.admin, service.id, { longestOverlapSeconds: 60 }),
      ])
      const policy = await policyOf(service.id)
      expect(policy?.cooldownSeconds).toBeLessThanOrEqual(policy?.longestOverlapSeconds ?? 0)
      await changePolicy(db, world.admin, { cooldownSeconds: 0 })
      await changePolicyOfService(db, world.admin, service.id, { longestOverlapSeconds: null })
    }
  })
})

describe('what is set for a service', () => {
  test('is written down with the desk and with the organisation, and null goes back to the desk’s', async () => {
    await changePolicyOfService(db, world.admin, service.id, { cooldownSeconds: 60, filingRanges: ['2001:DB8::/32'] })
    for (const chain of ['desk', world.organisationId]) {
      const last = JSON.parse((await entriesOf(chain)).at(-1)?.body ?? '{}')
      expect(last).toMatchObject({ service: service.id, filingRangesAfter: ['2001:db8::/32'] })
    }
    await changePolicyOfService(db, world.admin, service.id, { cooldownSeconds: null, filingRanges: null })
    expect(await policyOf(service.id)).toMatchObject({ cooldownSeconds: 0, filingRanges: [] })
  })

  test('is nothing for a service that is gone', async () => {
    await removeService(db, world.owner, { serviceId: service.id, confirmName: `Service ${count}` })
    expect((await refusalOf(changePolicyOfService(db, world.admin, service.id, {}))).code).toBe('NOT_FOUND')
  })
})

const seconds = (max: number) => fc.integer({ min: 0, max })
const changes = fc.record(
  {
    longestOverlapSeconds: seconds(MAX_OVERLAP_SECONDS),
    overlapByReason: fc.dictionary(
      fc.constantFrom('compromised', 'suspected', 'lost', 'scheduled', 'other'),
      fc.option(seconds(MAX_OVERLAP_SECONDS)),
    ),
    approvalsNeeded: fc.constantFrom(1, 2),
    selfService: fc.boolean(),
    cooldownSeconds: fc.oneof(seconds(604_800), seconds(3_600)),
    fileAgeDays: fc.integer({ min: 1, max: 3650 }),
    filingRanges: fc.array(fc.ipV4()),
    leakResponse: fc.constantFrom(...LEAK_RESPONSES),
  },
  { requiredKeys: [] },
)

async function everythingOf(ref: string) {
  const items = await db.selectFrom('item').selectAll().where('rotationRef', '=', ref).orderBy('position').execute()
  const keyIds = items.map((item) => item.keyId)
  return {
    rotation: await db.selectFrom('rotation').selectAll().where('ref', '=', ref).execute(),
    items,
    versions: await db.selectFrom('version').selectAll().where('keyId', 'in', keyIds).orderBy('id').execute(),
    letters: await db.selectFrom('letter').select('id').where('thread', '=', ref).orderBy('id').execute(),
  }
}

test('changing policies never touches a rotation that was filed, and it is carried out as it was filed', async () => {
  const one = fc.record({ ofDesk: fc.boolean(), changes })
  await fc.assert(
    fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 6 }), seconds(604_800), async (all, cooldown) => {
      const cooldownSeconds = Math.floor(cooldown / 2)
      count += 1
      await db.deleteFrom('servicePolicy').execute()
      await changePolicy(db, world.admin, DEFAULTS)
      const { id } = await addService(db, world.admin, world.organisationId, `Any ${count}`)
      await changePolicyOfService(db, world.admin, id, { cooldownSeconds, approvalsNeeded: 1 })
      const overlapSeconds = Math.max(cooldown, 1)
      const ref = await file(db, world.owner, id, { overlapSeconds })
      const before = await everythingOf(ref)
      for (const { ofDesk, changes } of all) {
        const change = ofDesk
          ? changePolicy(db, world.admin, changes)
          : changePolicyOfService(db, world.admin, id, changes)
        await change.catch((error: unknown) => expect(error).toBeInstanceOf(Refusal))
      }
      expect(await everythingOf(ref)).toEqual(before)
      await approveRotation(db, world.agent, ref, { revision: 1 })
      await carryOutAll(db)
      for (const item of (await everythingOf(ref)).items) {
        const made = await db
          .selectFrom('version')
          .selectAll()
          .where('id', '=', item.newVersionId)
          .executeTakeFirstOrThrow()
        const at = item.generatedAt?.getTime() ?? 0
        expect(made.activeFrom.getTime() - at).toBe(cooldownSeconds * 1000)
        expect((item.overlapEndsAt?.getTime() ?? 0) - at).toBe(overlapSeconds * 1000)
      }
    }),
    { numRuns: 8 },
  )
  expect(await findViolations(db)).toEqual([])
})
