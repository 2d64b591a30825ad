import { changePolicyOfService } from '../../desk/policies/service-policy.ts'
import type { Foundation } from '../../start.ts'
import type { People } from './people.ts'

const WEEK_SECONDS = 7 * 86_400

/** A service with terms of its own: stricter ones, since it holds cards. */
export async function showPolicies({ db }: Foundation, { admin }: People): Promise<void> {
  const vault = await db.selectFrom('service').select('id').where('name', '=', 'Card vault').executeTakeFirstOrThrow()
  const overlapByReason = { compromised: 3_600 }
  const terms = { longestOverlapSeconds: WEEK_SECONDS, overlapByReason, approvalsNeeded: 2, fileAgeDays: 60 }
  await changePolicyOfService(db, admin.actor, vault.id, terms)
}
