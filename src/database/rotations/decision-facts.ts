import { sql } from 'kysely'
import type { MemberRole } from '../../rules/permissions.ts'
import { LIVE_ROTATION_STATUSES } from '../../rules/rotations/rotation-lifecycle.ts'
import type { Db } from '../connect.ts'

/** What whoever decides a rotation should know and can't see in it. */
export type DecisionFacts = {
  /** The requester's role in the organisation now; null when they left it. */
  requesterRole: MemberRole | null
  /** When the password, code device or email of an owner last changed. */
  ownerChangedAt: Date | null
  /** Keys of it that are disabled or gone by now. */
  unusableKeys: number
  /** Other rotations of the organisation that are under way. */
  otherLiveRefs: string[]
  /** The organisations whose member the person who looks is. */
  ownOrganisationIds: string[]
}

type Rotation = { ref: string; organisationId: string; requester: { id: string } }

/** When the password, code device or email of one of its owners last changed, if ever; a first set-up is no change. */
export async function findOwnerChange(db: Db, organisationId: string): Promise<Date | null> {
  const changed = sql<Date | null>`max(greatest(
    person.password_changed_at, person.code_changed_at, person.email_changed_at))`
  const row = await db
    .selectFrom('membership')
    .innerJoin('person', 'person.id', 'membership.personId')
    .select(changed.as('changedAt'))
    .where('membership.organisationId', '=', organisationId)
    .where('membership.role', '=', 'owner')
    .executeTakeFirst()
  return row?.changedAt ?? null
}

async function countUnusableKeys(db: Db, ref: string): Promise<number> {
  const row = await db
    .selectFrom('item')
    .innerJoin('key', 'key.id', 'item.keyId')
    .innerJoin('service', 'service.id', 'item.serviceId')
    .select((is) => is.fn.countAll<string>().as('count'))
    .where('item.rotationRef', '=', ref)
    .where((is) =>
      is.or([
        is('key.enabled', '=', false),
        is('key.deletedAt', 'is not', null),
        is('service.deletedAt', 'is not', null),
      ]),
    )
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

async function findOtherLiveRefs(db: Db, { organisationId, ref }: Rotation): Promise<string[]> {
  const rows = await db
    .selectFrom('rotation')
    .select('ref')
    .where('organisationId', '=', organisationId)
    .where('ref', '!=', ref)
    .where('status', 'in', LIVE_ROTATION_STATUSES)
    .orderBy('createdAt')
    .limit(20)
    .execute()
  return rows.map((row) => row.ref)
}

/** The facts for deciding, as they are now; each is looked at again under the lock by the verb. */
export async function findDecisionFacts(db: Db, rotation: Rotation, personId: string): Promise<DecisionFacts> {
  const memberships = await db
    .selectFrom('membership')
    .select(['personId', 'organisationId', 'role'])
    .where('personId', 'in', [rotation.requester.id, personId])
    .execute()
  const requester = memberships.find(
    (row) => row.personId === rotation.requester.id && row.organisationId === rotation.organisationId,
  )
  return {
    requesterRole: requester?.role ?? null,
    ownerChangedAt: await findOwnerChange(db, rotation.organisationId),
    unusableKeys: await countUnusableKeys(db, rotation.ref),
    otherLiveRefs: await findOtherLiveRefs(db, rotation),
    ownOrganisationIds: memberships.filter((row) => row.personId === personId).map((row) => row.organisationId),
  }
}
