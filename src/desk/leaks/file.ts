import type { Trx } from '../../database/connect.ts'
import type { Owner } from '../../database/people/owners.ts'
import type { KeyInService } from '../../database/rotations/locks.ts'
import { type Evidence, leakOverlap } from '../../rules/leaks.ts'
import { filedTerms, longestOverlap, type Policy } from '../../rules/policy.ts'
import { decideBy, decideReminders } from '../../rules/rotations/approvals.ts'
import { insertItems, insertRotation } from '../filing/insert.ts'
import { putRotationLetters } from '../letters.ts'
import { BY_DESK } from '../record.ts'
import { planReminders } from '../reminders.ts'

type Leak = {
  ref: string
  owner: Owner
  key: KeyInService
  policy: Policy
  evidence: Evidence
  replaces: string | undefined
  at: Date
}

/** Files the rotation of a leaked key for one of its owners, with nobody's hand in it; those who may decide are told. */
export async function fileForLeak(trx: Trx, leak: Leak): Promise<void> {
  const { ref, owner, key, policy, evidence, replaces, at } = leak
  const filing = {
    items: [{ keyId: key.id }],
    reason: 'compromised' as const,
    details: `Reported as leaked: ${evidence.source}.`,
    overlapSeconds: leakOverlap(policy.leakResponse, longestOverlap(policy, 'compromised')),
    replaces,
  }
  const requester = { organisationId: key.organisationId, owner, verifiedBy: null }
  const cause = { trigger: 'leak' as const, evidenceUrl: evidence.url === '' ? null : evidence.url }
  const filed = { ref, filing, terms: filedTerms([policy]), requester, itemCount: 1, actor: BY_DESK, cause, at }
  const rotation = await insertRotation(trx, filed)
  const items = await insertItems(trx, rotation, [key], { actor: BY_DESK, at })
  const deadline = decideBy(at)
  const letter = { who: null, at, decideBy: deadline, items }
  await putRotationLetters(trx, rotation, { ...letter, kind: 'approval-needed', audience: 'agents' })
  await planReminders(trx, ref, decideReminders(deadline, at))
}
