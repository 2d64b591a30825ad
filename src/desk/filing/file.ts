import { clock, type Db, type Trx } from '../../database/connect.ts'
import { lockVersions } from '../../database/rotations/locks.ts'
import type { ItemRow, RotationRow, VersionRow } from '../../database/schema.ts'
import { refuseSecret } from '../../rules/keys/secret-text.ts'
import { isAccepted } from '../../rules/keys/verdict.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { decideBy, decideReminders } from '../../rules/rotations/approvals.ts'
import { clockOf, clockProblem, expiresInOverlap, startIsTooFar, startsAt } from '../../rules/rotations/overlap.ts'
import { putRotationLetters } from '../letters.ts'
import { endAnsweredProposals, lockAnsweredProposals } from '../proposals/proposals.ts'
import { planReminders } from '../reminders.ts'
import { approveByPolicy, findPolicyBar } from './by-policy.ts'
import type { Filing, SettledFiling } from './filing.ts'
import { insertItems, insertRotation, nextRef } from './insert.ts'
import { lockFiledKeys, refuseLiveKeys } from './keys.ts'
import { spendFiling } from './limit.ts'
import { closeReplaced, lockReplaced } from './replaced.ts'
import { lockRequester, refuseHeldRequester, type Way } from './requester.ts'
import { holdToPolicy } from './terms.ts'

function refuseBadFiling(filing: SettledFiling, versions: readonly VersionRow[], now: Date): void {
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
    const at = await clock(trx)
    refuseHeldRequester(requester, filing, at)
    const under = await holdToPolicy(trx, actor, filing, keys)
    if (way === 'keys.roll' && !under.selfService) throw new Refusal('NOT_SELF_SERVICE')
    refuseBadFiling(under.filing, versions, at)
    await refuseLiveKeys(trx, keys, replaced?.rotation.ref)
    const answered = await lockAnsweredProposals(trx, requester.organisationId, keyIds, filing.proposalId)
    const ref = await nextRef(trx)
    if (replaced !== null) await closeReplaced(trx, replaced, { ref, filing, keyIds, versions, actor, at })
    const itemCount = keys.length
    const filed = await insertRotation(trx, { ref, ...under, requester, itemCount, actor, at })
    const items = await insertItems(trx, filed, keys, { actor, at })
    await endAnsweredProposals(trx, answered, filed)
    const standing = { actor, requester, selfService: under.selfService, itemCount, way, at }
    const barred = (await findPolicyBar(trx, standing)) !== null
    const rotation = barred ? filed : await approveByPolicy(trx, filed, standing)
    await tellOfFiling(trx, rotation, items, actor)
    return { ref }
  })
}
