import type { LetterKind } from '../../outbox/preview.ts'

type Named = { name: string; readers: string }

/** What the desk calls its letters, and who gets them. */
export const KIND_NAMES: Readonly<Record<LetterKind, Named>> = {
  received: { name: 'A rotation was requested', readers: 'requester and owners' },
  'approval-needed': { name: 'A decision is needed', readers: 'agents who may decide' },
  approved: { name: 'Approved', readers: 'requester and owners' },
  rejected: { name: 'Rejected', readers: 'requester' },
  withdrawn: { name: 'Withdrawn', readers: 'requester and owners' },
  'new-keys-ready': { name: 'New keys are ready', readers: 'everybody who may view the keys' },
  'old-key-revoked': { name: 'Old keys were revoked early', readers: 'everybody who may view the keys' },
  completed: { name: 'Completed', readers: 'everybody who may view the keys' },
  'filed-on-behalf': { name: 'Filed on behalf', readers: 'all owners' },
  question: { name: 'A question', readers: 'requester and owners' },
  answered: { name: 'The question was answered', readers: 'agents who may decide' },
  message: { name: 'A message', readers: 'the other side' },
  'expires-soon': { name: 'A request expires soon', readers: 'agents who may decide' },
  expired: { name: 'A request has expired', readers: 'requester and owners' },
  delayed: { name: 'A rotation is delayed', readers: 'the requester' },
  failed: { name: 'A key could not be rotated', readers: 'requester and owners; agents' },
  'old-key-stops': { name: 'Old keys stop soon', readers: 'everybody who may view the keys' },
  'not-picked-up': { name: 'Nobody has picked up the new keys', readers: 'whoever may pick them up' },
  'stops-sooner': { name: 'Old keys stop sooner', readers: 'everybody who may view the keys' },
  'follow-up-needed': { name: 'A follow-up waits for a decision', readers: 'agents who may decide' },
  'follow-up-rejected': { name: 'A follow-up was rejected', readers: 'requester and owners' },
  extended: { name: 'The old keys work longer', readers: 'requester and owners' },
  'rolled-back': { name: 'Rolled back', readers: 'everybody who may view the keys' },
  closed: { name: 'Closed', readers: 'requester and owners' },
  invitation: { name: 'Invitation', readers: 'whoever is invited' },
  'account-locked': { name: 'The account is locked', readers: 'whoever it belongs to' },
  'password-reset': { name: 'Set a new password', readers: 'whoever it belongs to' },
  'email-change': { name: 'Confirm a new address', readers: 'the new address' },
  'lost-access': { name: 'Lost access', readers: 'the address that was given' },
  'access-link': { name: 'Link to get access back', readers: 'the address of the account' },
  'security-notice': { name: 'Security notice', readers: 'whoever it concerns; owners' },
  digest: { name: 'What waits, once a day', readers: 'everybody for whom something waits' },
}
