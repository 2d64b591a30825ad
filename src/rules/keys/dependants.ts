import type { ItemStatus } from '../rotations/rotation-lifecycle.ts'

export const DEPENDANT_TYPES = ['virtual_account', 'notification', 'kms', 'other'] as const
export type DependantType = (typeof DEPENDANT_TYPES)[number]

export const DEPENDANT_WORDS = {
  virtual_account: 'Virtual account',
  notification: 'Notification',
  kms: 'KMS',
  other: 'Other',
} as const satisfies Record<DependantType, string>

/** So many things can depend on one key; what is shown and mailed of them stays readable. */
export const MAX_DEPENDANTS = 100

/** A key management system holds the very key, so that it has to be given each new one; what else does, whoever registers it says. */
export function holdsExactKey(type: DependantType): boolean {
  return type === 'kms'
}

/** What can be done to a key that its dependants feel; `rotate_at_once` leaves the old version no overlap. */
export type Occasion = 'disable' | 'delete' | 'rotate' | 'rotate_at_once'

/** What becomes of a dependant then. `stops`: nothing that is done to it helps. `task`: it goes on if it is given the new key. */
export type Fate = { becomes: 'stops' | 'task' | 'stays'; words: string }

/** What becomes of a dependant when that is done to its key, in words that end a sentence which begins with its name. */
export function fateOf({ exactKey }: { exactKey: boolean }, occasion: Occasion): Fate {
  if (occasion === 'disable') return { becomes: 'stops', words: 'stops at once, until the key is enabled again' }
  if (occasion === 'delete') return { becomes: 'stops', words: 'stops at once, for good' }
  if (!exactKey) return { becomes: 'stays', words: 'goes on, since it is bound to the key and not to one secret of it' }
  return occasion === 'rotate'
    ? { becomes: 'task', words: 'has to be given the new key before the old one stops' }
    : { becomes: 'task', words: 'stops with the old key, until it is given the new one' }
}

/**
 * How it stands with a dependant that must hold the very key, after this was rotated. `to_do`: it has to be given the new key.
 * `to_undo`: it was given a new key that a rollback deleted, and has to be given the old one again. `void`: nothing is left to do, since
 * the old key is back where it is held, or the key or the dependant is gone.
 */
export type TaskState = 'to_do' | 'done' | 'to_undo' | 'void'

export function taskState(
  task: { doneAt: Date | null; removedAt: Date | null },
  item: { status: ItemStatus; keyDeletedAt: Date | null },
): TaskState {
  const done = task.doneAt !== null
  const gone = task.removedAt !== null || item.keyDeletedAt !== null
  if (item.status === 'rolled_back') return done && !gone ? 'to_undo' : 'void'
  if (done) return 'done'
  return gone ? 'void' : 'to_do'
}
