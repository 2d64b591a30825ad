/** Every refusal the rules can give, with the sentence that tells a person what to do. Stable: API clients switch on the code. */
export const REFUSALS = {
  INVALID_REQUEST: 'Something in what you sent is not as it should be.',
  NOT_AUTHENTICATED: 'Sign in, or send a valid token.',
  NOT_ALLOWED: 'Your role does not allow this.',
  STEP_UP_REQUIRED: 'This needs a fresh one-time code.',
  CODE_REJECTED: 'That code was not accepted. Wait for the next one and try again.',
  CODE_LOCKED: 'Too many wrong codes. Wait 15 minutes and try again.',
  INVITATION_VOID: 'This invitation was used already or has run out. Ask for a new one.',
  SET_UP_VOID: 'That set-up code is not valid. Look for the newest one in the log.',
  ALREADY_MEMBER: 'That person has this already.',
  FOREIGN_ORIGIN: 'The call came from another site and was refused.',
  UNKNOWN_HOST: 'This desk does not answer to that host name.',
  NOT_FOUND: 'There is nothing here, or it is not yours to see.',
  METHOD_NOT_ALLOWED: 'This address does not take that method.',
  STALE_REVISION: 'The rotation changed since you opened it. Look at it again before you decide.',
  ILLEGAL_MOVE: 'The rotation is no longer at a point where this can be done.',
  ROTATION_IN_PROGRESS: 'One of these keys is already in a live rotation. Follow that one instead.',
  NOT_IN_SCOPE: 'This token may not do that. Make one with the scope for it.',
  ON_HOLD: 'Your password, code device or email address changed less than 72 hours ago, so this has to wait.',
  OWN_ROTATION: 'You filed this request or belong to its organisation, so somebody else has to decide it.',
  ALREADY_APPROVED: 'You have approved this revision already. Another agent has to give the next approval.',
  ASSIGNED_MEANWHILE: 'Who looks after this rotation changed meanwhile. Look at it again.',
  NO_KEYS: 'None of the keys you chose can be rotated. Choose at least one enabled key.',
  START_TOO_FAR: 'The earliest start can be at most 90 days ahead.',
  EXPIRES_IN_OVERLAP: 'A key would expire by itself during the overlap. Choose a shorter overlap.',
  OVERLAP_TOO_LONG: 'The policy allows no overlap that long. Choose a shorter one.',
  COOLDOWN_TOO_LONG:
    'A new key of this service has to wait longer before it works than the old one would go on. Choose a longer overlap.',
  NOT_SELF_SERVICE: 'This service has no self-service. Request a rotation instead.',
  NOT_FROM_HERE:
    'Requests for these keys are only taken from addresses that the desk knows. Use one of them, or call support.',
  TOO_MANY_KEYS: 'There are as many keys as the policy allows. Delete one that is not needed any more.',
  NOT_SEALED: 'This version was not delivered as an age file, or it was acknowledged already.',
  RECIPIENT_REFUSED: 'That is no age recipient. It begins with age1; make one with age-keygen.',
  SIGNATURE_REJECTED: 'The signature does not fit what was sent.',
  CHALLENGE_REJECTED: 'The check that keeps programs out was not passed. Try again.',
  CONTAINS_SECRET:
    'The text seems to contain an API key. Take it out: an identifier or the last 4 characters is enough.',
  ALREADY_REVEALED: 'This key was shown once already and cannot be shown again.',
  SECRET_UNAVAILABLE: 'The secret cannot be opened with the keys this desk holds. Tell support.',
  LAST_OWNER: 'An organisation needs an owner. Make somebody else an owner first.',
  LAST_ADMIN: 'The desk needs an administrator. Make somebody else one first.',
  CASE_OPEN: 'There is an open recovery case for this address already. Follow that one.',
  OWN_CASE: 'You opened this case, or it concerns you or your organisation, so somebody else has to do this.',
  COOLING_OFF: 'The cooling-off of this case is not over yet, and nothing shortens it.',
  RESET_VOID: 'This link was used already or has run out. Ask for a new one.',
  ADDRESS_REFUSED: 'Webhooks go to public https addresses only. Give another address.',
  NAME_TAKEN: 'That name is in use already. Choose another one.',
  IDEMPOTENCY_MISMATCH: 'This idempotency key was used before with another request.',
  IDEMPOTENCY_BUSY: 'The first call with this idempotency key is still being answered. Try again in a moment.',
  TOO_LARGE: 'What you sent is too large.',
  TOO_MANY_REQUESTS: 'Too many calls. Wait a little and try again.',
  UNAVAILABLE:
    'The database cannot be reached right now. Try again in a moment; look first whether it was carried out.',
  TOO_SLOW: 'This took too long. Look whether it was carried out before you try again.',
  INTERNAL: 'Something went wrong on our side.',
} as const
export type RefusalCode = keyof typeof REFUSALS

/** One field that is not as it should be: `pointer` is a JSON Pointer (RFC 6901) into what was sent. */
export type FieldError = { pointer: string; message: string }

/** A domain error with a stable code. Web turns it into a problem (RFC 9457) or a page; its message may be shown. */
export class Refusal extends Error {
  readonly code: RefusalCode
  readonly errors: readonly FieldError[]
  /** Seconds until another try makes sense, where there is such a time. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: RefusalCode,
    options: { detail?: string; errors?: readonly FieldError[]; retryAfterSeconds?: number } = {},
  ) {
    super(options.detail ?? REFUSALS[code])
    this.code = code
    this.errors = options.errors ?? []
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
