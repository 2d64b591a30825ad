import type { RotationLetterKind } from '../kinds/names.ts'
import type { ItemFacts, RotationFacts } from '../kinds/rotation.ts'

const DAY_MILLISECONDS = 86_400_000

export function isForStaff({ role }: Pick<RotationFacts, 'role'>): boolean {
  return role === 'agent' || role === 'admin'
}

/** An old key that was used in the last day is still in somebody's programs. */
function isInUse(item: ItemFacts, at: string): boolean {
  if (typeof item.oldLastUsedAt !== 'string') return false
  return new Date(at).getTime() - new Date(item.oldLastUsedAt).getTime() < DAY_MILLISECONDS
}

/** Whether something is left to do before the old key stops. */
function needsSomebody(item: ItemFacts, at: string): boolean {
  return item.pickedUp === false || isInUse(item, at) || (item.toBeGivenNew ?? []).length > 0
}

/** Whether the reader of a letter about a rotation has to do something, and not just to know. */
export function needsAction(kind: RotationLetterKind, facts: RotationFacts): boolean {
  const mayReveal = facts.mayReveal !== false
  switch (kind) {
    case 'approval-needed':
    case 'answered':
    case 'expires-soon':
    case 'follow-up-needed':
      return true
    case 'failed':
      return isForStaff(facts)
    case 'question':
      return (facts.role ?? 'owner') === 'owner'
    case 'new-keys-ready':
    case 'not-picked-up':
      return mayReveal
    case 'old-key-stops':
    case 'stops-sooner':
      return mayReveal && facts.items.some((item) => needsSomebody(item, facts.at))
    default:
      return false
  }
}
