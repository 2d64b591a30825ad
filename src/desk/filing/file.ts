import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findPolicies } from '../../database/policy.ts'
import { lockVersions } from '../../database/rotations/locks.ts'
import type { ItemRow, RotationRow, VersionRow } from '../../database/schema.ts'
import { refuseSecret } from '../../rules/keys/secret-text.ts'
import { isAccepted } from '../../rules/keys/verdict.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { type FilingTerms, strictestTerms } from '../../rules/policy.ts'
import { Refusal } from '../../rules/refusals.ts'
import { decideBy, decideReminders } from '../../rules/rotations/approvals.ts'
import {
  clockOf,
  clockProblem,
  cooldownFor,
  expiresInOverlap,
  startIsTooFar,
  startsAt,
} from '../../rules/rotations/overlap.ts'
import { putRotationLetters } from '../letters.ts'
import { planReminders } from '../reminders.ts'
import { approveByPolicy, findPolicyBar } from './by-policy.ts'
import type { Filing } from './filing.ts'
import { insertItems, insertRotation, nextRef } from './insert.ts'
import { lockFiledKeys, refuseLiveKeys } from './keys.ts'
import { spendFiling } from './limit.ts'
import { closeReplaced, lockReplaced } from './replaced.ts'
import { lockRequester, refuseHeldRequester, type Way } from './requester.ts'

function refuseBadFiling(filing: Filing, versions: readonly VersionRow[], now: Date): void {
  const notBefore = filing.notBefore ?? null
  if (startIsTooFar(notBefore, now)) throw new Refusal('START_TOO_FAR')
  refuseSecret('/details', filing.details)
  const problem = clockProblem(clockOf(filing))
  if (problem !== null) throw new Refusal('INVALID_REQUEST', { errors: [problem] })
  const start = startsAt(notBefore, now)
  const expiring = versions.find(
    (version) => isAccepted(version, now) && expiresInOverlap(start, filing.overlapSeconds, version.ownEnd),
  )
  if (expiring !== undefined) throw new Refusal('EXPIRES_IN_OVERLAP')
}

/** What the policy of the services allows. Refuses NOT_SELF_SERVICE and COOLDOWN_TOO_LONG. */
function refuseAgainstPolicy({ reason, overlapSeconds }: Filing, terms: FilingTerms, way: Way): void {
  if (way === 'keys.roll' && !terms.selfService) throw new Refusal('NOT_SELF_SERVICE')
  if (cooldownFor(reason, terms.cooldownSeconds) > overlapSeconds) throw new Refusal('COOLDOWN_TOO_LONG')
}

/** Tells the owners and those who may decide, and plans their reminders. What was filed on behalf is told as that: the owners didn't do it. */
async function tellOfFiling(
  trx: Trx,
  rotation: RotationRow,
  items: readonly ItemRow[],
  actor: PersonActor,
): Promise<void> {
  const { createdAt: at, verifiedBy } = rotation
  const told = { who: actor.name, at, items }
  if (rotation.byPolicy) return putRotationLetters(trx, rotation, { ...told, kind: 'received', audience: 'owners' })
  const deadline = decideBy(at)
  const letter = { ...told, decideBy: deadline }
  const owners =
    verifiedBy === null
      ? ({ ...letter, kind: 'received' } as const)
      : ({ ...letter, kind: 'filed-on-behalf', note: verifiedBy } as const)
  await putRotationLetters(trx, rotation, { ...owners, audience: 'owners' })
  await putRotationLetters(trx, rotation, { ...letter, kind: 'approval-needed', audience: 'agents' })
  await planReminders(trx, rotation.ref, decideReminders(deadline, at))
}

/**
 * Files a rotation, whichever `way` an owner came: it waits for agents, or is scheduled at once where the policy of its services approves
 * it. One that replaces another closes that one in the same moment. Refuses what `submitRotation` and `rollKey` name.
 */
export async function fileRotation(db: Db, actor: PersonActor, filing: Filing, way: Way): Promise<{ ref: string }> {
  await spendFiling(db, actor.personId)
  return db.transaction().execute(async (trx) => {
    const requester = await lockRequester(trx, actor, filing, way)
    const replaced = await lockReplaced(trx, requester.organisationId, filing)
    const keys = await lockFiledKeys(trx, requester.organisationId, filing)
    const keyIds = keys.map((key) => key.id)
    const versions = await lockVersions(trx, keyIds)
    const policies = await findPolicies(
      trx,
      keys.map((key) => key.serviceId),
    )
    const terms = strictestTerms([...policies.values()], filing.reason)
    const at = await clock(trx)
    refuseHeldRequester(requester, filing, at)
    refuseAgainstPolicy(filing, terms, way)
    refuseBadFiling(filing, versions, at)
    await refuseLiveKeys(trx, keys, replaced?.rotation.ref)
    const ref = await nextRef(trx)
    if (replaced !== null) await closeReplaced(trx, replaced, { ref, filing, keyIds, versions, actor, at })
    const itemCount = keys.length
    const filed = await insertRotation(trx, { ref, filing, requester, itemCount, actor, at })
    const items = await insertItems(trx, filed, keys, { actor, at })
    const standing = { actor, requester, selfService: terms.selfService, itemCount, way, at }
    const barred = (await findPolicyBar(trx, standing)) !== null
    const rotation = barred ? filed : await approveByPolicy(trx, filed, standing)
    await tellOfFiling(trx, rotation, items, actor)
    return { ref }
  })
}
