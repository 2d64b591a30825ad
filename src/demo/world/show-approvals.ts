import { approveRotation } from '../../desk/decide.ts'
import { submitRotation } from '../../desk/submit.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import type { Foundation } from '../../start.ts'
import { makeService } from './services.ts'

const DAY_SECONDS = 86_400

type Staff = readonly [first: PersonActor, second: PersonActor]

/** Filed by one agent for an owner, and approved by another: a second approval is missing. */
async function showOnBehalf(desk: Foundation, owner: PersonActor, [first, second]: Staff): Promise<string[]> {
  const { id, keys } = await makeService(desk, owner, { name: 'Loyalty points', environment: 'live' })
  const verifiedBy = 'Called back on the number in the contract; she named the last invoice.'
  const { ref } = await submitRotation(desk.db, first, {
    items: [{ serviceId: id, kinds: ['auth', 'admin'] }],
    reason: 'lost',
    details: 'Her code device is at the office.',
    overlapSeconds: 7 * DAY_SECONDS,
    onBehalfOf: { personId: owner.personId, verifiedBy },
  })
  await approveRotation(desk.db, second, ref, { revision: 1, note: 'Spoke to her too.' })
  return keys.map((key) => key.secret)
}

/** A routine rotation whose place one about a leak took before it started. */
async function showReplaced(desk: Foundation, owner: PersonActor): Promise<string[]> {
  const { id, keys } = await makeService(desk, owner, { name: 'Push messages', environment: 'live' })
  const items = [{ serviceId: id, kinds: ['auth', 'admin'] as const }]
  const routine = { items, reason: 'scheduled' as const, details: 'Yearly rotation.', overlapSeconds: 30 * DAY_SECONDS }
  const notBefore = new Date(Date.now() + 10 * DAY_SECONDS * 1000)
  const { ref } = await submitRotation(desk.db, owner, { ...routine, notBefore })
  const details = 'The Auth key was in a build log.'
  await submitRotation(desk.db, owner, { items, reason: 'compromised', details, overlapSeconds: 0, replaces: ref })
  return keys.map((key) => key.secret)
}

/** Requests out of the ordinary that wait for approvals. Gives the secrets that their keys' client still calls with. */
export async function showApprovals(desk: Foundation, owner: PersonActor, staff: Staff): Promise<string[]> {
  return [...(await showOnBehalf(desk, owner, staff)), ...(await showReplaced(desk, owner))]
}
