import type { Role } from './permissions.ts'

/** Somebody in a place, the staff or an organisation, with what decides whether they can run it. */
type Holder = { personId: string; role: Role; disabledAt: Date | null }

/**
 * Whether a place whose leaders have `role` would have none left without this person: a disabled one leads nothing. False for
 * somebody who leads nothing now, so that a place without a leader can still be tidied up.
 */
export function isLastOne(holders: readonly Holder[], personId: string, role: 'owner' | 'admin'): boolean {
  const leaders = holders.filter((holder) => holder.role === role && holder.disabledAt === null)
  return leaders.length === 1 && leaders[0]?.personId === personId
}
