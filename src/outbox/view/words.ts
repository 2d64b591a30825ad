import type { Notice } from '../kinds/account.ts'
import type { Waiting } from '../kinds/digest.ts'
import type { RotationLetterKind } from '../kinds/names.ts'
import type { FollowUpType } from '../kinds/rotation.ts'

/** What stands before the name of who did it. */
export const DONE_BY = {
  received: 'Requested by',
  'approval-needed': 'Requested by',
  approved: 'Approved by',
  rejected: 'Rejected by',
  withdrawn: 'Withdrawn by',
  'new-keys-ready': 'Made by',
  'old-key-revoked': 'Revoked by',
  completed: 'Completed by',
  'filed-on-behalf': 'Filed by',
  question: 'Asked by',
  answered: 'Answered by',
  message: 'Written by',
  'expires-soon': 'Reminded by',
  expired: 'Closed by',
  delayed: 'Told by',
  failed: 'Tried by',
  'old-key-stops': 'Reminded by',
  'not-picked-up': 'Reminded by',
  'stops-sooner': 'Told by',
  'follow-up-needed': 'Requested by',
  'follow-up-rejected': 'Rejected by',
  extended: 'Extended by',
  'rolled-back': 'Rolled back by',
  closed: 'Closed by',
} as const satisfies Record<RotationLetterKind, string>

/** Shown where the desk did it at its due time, with nobody's hand in it. */
export const THE_DESK = 'Rekey'
/** The same where people had asked for it and approved it. */
export const THE_DESK_AS_APPROVED = 'Rekey, as approved'

export const FOLLOW_UP_WORDS = {
  early_revocation: 'an early end of the old keys',
  extension: 'more time with the old keys',
  rollback: 'the old keys back, with the new ones deleted',
} as const satisfies Record<FollowUpType, string>

export const WAITING_WORDS = {
  decide: 'waits for a decision',
  follow_up: 'has a follow-up that waits for a decision',
  trouble: 'needs attention: something could not be done',
  question: 'has a question for you',
  not_picked_up: 'has a new key that nobody has picked up',
} as const satisfies Record<Waiting, string>

/** What happens at the end of the time that something waits. */
export const UNTIL_WORDS = {
  decide: 'it expires on',
  follow_up: 'the old key stops on',
  trouble: 'the next date is',
  question: 'it expires on',
  not_picked_up: 'the old key stops on',
} as const satisfies Record<Waiting, string>

const NOTICE_WORDS = {
  password_changed: 'Your password was changed',
  email_changed: 'Your email address was changed',
  code_device_changed: 'Your code device was replaced',
  recovery_codes_made: 'New recovery codes were made for your account',
  recovery_code_used: 'A recovery code of your account was used',
  token_made: 'An API token was made',
  unattended_token_made: 'An unattended API token was made',
  account_unlocked: 'An account was unlocked',
  member_joined: 'Somebody joined',
  role_changed: 'A role was changed',
  member_removed: 'Somebody was removed',
  service_removed: 'A service was removed, and its keys stopped',
  webhook_added: 'A webhook was added',
  webhook_switched_off: 'A webhook was switched off, and nothing is sent there any more',
  recovery_opened: 'A recovery of access was opened',
  recovery_confirmed: 'A recovery of access was confirmed by a second agent',
  recovery_done: 'Access was recovered',
  recovery_refused: 'A recovery of access was refused',
  account_disabled: 'An account was disabled',
  account_enabled: 'An account was enabled again',
  key_created: 'A key was made',
  key_edited: 'What a key may do or is called was changed',
  key_disabled: 'A key was disabled and is refused now',
  key_enabled: 'A key was enabled and is accepted again',
  key_deleted: 'A key was deleted, and every version of it stopped',
  dataset_created: 'A dataset was made, with a key of its own',
  delivery_changed: 'Where new keys of a service go was changed',
  version_reissued: 'A new key that was lost was made anew; the lost one stopped',
  sealed_fetched: 'A new key was fetched as an age file',
  suspicious_use: 'A key is used in an unusual way',
  review_due: 'It is time to review what your keys may do',
  review_done: 'The permissions of the keys were reviewed',
  key_old: 'Keys are old enough to be replaced',
  rotation_proposed: 'The desk proposes to replace keys',
  key_leaked: 'A key was found where everybody can read it',
  key_stopped: 'Support stopped keys in an emergency',
  dependant_changed: 'What depends on a key was changed',
} as const satisfies Record<Notice, string>

/** What nobody of the organisation did, so that it makes no sense to ask whether it was the reader. */
export const HAPPENED: ReadonlySet<Notice> = new Set([
  'suspicious_use',
  'review_due',
  'key_old',
  'rotation_proposed',
  'key_leaked',
])

/** What concerns somebody else's account, as the other owners read it. */
const OTHERS_NOTICE_WORDS: Partial<Record<Notice, string>> = {
  password_changed: 'The password of another owner was changed',
  email_changed: 'The email address of another owner was changed',
  code_device_changed: 'The code device of another owner was replaced',
  recovery_codes_made: 'New recovery codes were made for another owner’s account',
  recovery_code_used: 'A recovery code of another owner was used',
}

/** What was done to the reader, who has to see that nobody else is meant. */
const OWN_NOTICE_WORDS: Partial<Record<Notice, string>> = {
  role_changed: 'Your role was changed',
  member_removed: 'Your membership has ended',
  account_unlocked: 'Your account was unlocked',
  account_disabled: 'Your account was disabled',
  account_enabled: 'Your account was enabled again',
}

/** A notice as the letter's subject and first line tell it; `about` is empty where it is about the reader. */
export function noticeWords({ notice, about }: { notice: Notice; about: string }): string {
  const words = about === '' ? OWN_NOTICE_WORDS : OTHERS_NOTICE_WORDS
  return words[notice] ?? NOTICE_WORDS[notice]
}
