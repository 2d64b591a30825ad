/** The letters about a rotation; each has a text and an HTML template of its name. */
export const ROTATION_LETTER_KINDS = [
  'received',
  'approval-needed',
  'approved',
  'rejected',
  'withdrawn',
  'new-keys-ready',
  'old-key-revoked',
  'completed',
  'filed-on-behalf',
  'question',
  'answered',
  'message',
  'expires-soon',
  'expired',
  'delayed',
  'failed',
  'old-key-stops',
  'not-picked-up',
  'stops-sooner',
  'follow-up-needed',
  'follow-up-rejected',
  'extended',
  'rolled-back',
  'closed',
] as const
export type RotationLetterKind = (typeof ROTATION_LETTER_KINDS)[number]

/** Every letter the desk can write. */
export const LETTER_KINDS = [
  ...ROTATION_LETTER_KINDS,
  'invitation',
  'account-locked',
  'password-reset',
  'email-change',
  'lost-access',
  'access-link',
  'security-notice',
  'digest',
] as const
export type LetterKind = (typeof LETTER_KINDS)[number]
