import type { RotationLetterKind } from '../kinds/names.ts'
import type { ItemFacts, RotationFacts } from '../kinds/rotation.ts'

const AT = '2026-11-02T09:30:00.000Z'
/** So long before the end that it is told of. */
const A_WEEK_BEFORE = '2026-11-25T08:00:00.000Z'
const USED = '2026-11-25T07:12:00.000Z'
const STOP = '2026-12-02T08:00:00.000Z'
const TIME_ZONE = 'Europe/Zurich'

/** Letters that come before the new keys are made. */
const BEFORE_NEW_KEYS: readonly RotationLetterKind[] = [
  'received',
  'approval-needed',
  'approved',
  'rejected',
  'withdrawn',
  'filed-on-behalf',
  'question',
  'answered',
  'message',
  'expires-soon',
  'expired',
  'delayed',
  'failed',
]

/** Letters that nobody of the customer's brought about. */
const WHO: Partial<Record<RotationLetterKind, string | null>> = {
  approved: 'Gus Agent',
  rejected: 'Gus Agent',
  'new-keys-ready': null,
  completed: null,
  'filed-on-behalf': 'Gus Agent',
  question: 'Gus Agent',
  message: 'Gus Agent',
  'expires-soon': null,
  expired: null,
  delayed: null,
  failed: null,
  'old-key-stops': null,
  'not-picked-up': null,
  'stops-sooner': null,
  'follow-up-rejected': 'Gus Agent',
  closed: 'Gus Agent',
}

const NOTE: Partial<Record<RotationLetterKind, string>> = {
  approved: 'Confirmed by phone.',
  rejected: 'The key is not in use any more; please remove the service instead.',
  'filed-on-behalf': 'Called back at the number on the contract.',
  question: 'Which of your programs use the Admin key?',
  answered: 'Only the nightly export does.',
  message: 'We see calls with the old key from your test system.',
  'follow-up-rejected': 'The old key was seen in a public place.',
  closed: 'The service is shut down.',
}

const TO_STAFF: readonly RotationLetterKind[] = [
  'approval-needed',
  'answered',
  'expires-soon',
  'failed',
  'follow-up-needed',
]

function sampleItems(kind: RotationLetterKind): ItemFacts[] {
  const made = !BEFORE_NEW_KEYS.includes(kind)
  const problem = 'The key has no working version left to replace.'
  const both: ItemFacts['kind'][] = ['auth', 'admin']
  return both.map((which) => ({
    service: 'Payments EU',
    environment: 'live',
    kind: which,
    oldLast4: which === 'auth' ? '8f3K' : 'm2Qx',
    newLast4: made ? (which === 'auth' ? 'Zq1a' : 'T7ue') : null,
    oldStopsAt: made ? STOP : null,
    oldLastUsedAt: which === 'auth' && kind === 'old-key-stops' ? USED : null,
    oldLastNetwork: which === 'auth' && kind === 'old-key-stops' ? '203.0.113.7' : null,
    pickedUp: made && kind !== 'not-picked-up' && which === 'auth',
    toBeGivenNew: which === 'auth' && kind === 'old-key-stops' ? ['Ledger (KMS)'] : [],
    problem: kind === 'failed' ? problem : null,
  }))
}

/** Full facts of a rotation's letter, made up, with `changes` in them. */
export function sampleRotationFacts(kind: RotationLetterKind, changes: Partial<RotationFacts> = {}): RotationFacts {
  const toStaff = TO_STAFF.includes(kind)
  const who = WHO[kind]
  return {
    ref: 'ROT-1042',
    path: '/rotations/ROT-1042',
    organisation: 'Acme',
    organisationId: 'org_0mh5k3x9qz1234',
    title: 'Payments EU',
    items: sampleItems(kind),
    who: who === undefined ? 'Ada Owner' : who,
    at: kind === 'old-key-stops' ? A_WEEK_BEFORE : AT,
    reason: 'compromised',
    details: 'A laptop was stolen.',
    note: NOTE[kind] ?? '',
    overlapSeconds: 2_592_000,
    overlapEnds: kind === 'stops-sooner' ? 'on_first_use' : 'at_end',
    graceSeconds: kind === 'stops-sooner' ? 3_600 : 0,
    startsAt: '2026-11-05T08:00:00.000Z',
    oldStopsAt: BEFORE_NEW_KEYS.includes(kind) ? null : STOP,
    approvalsNeeded: 1,
    approvalsGiven: 0,
    decideBy: '2026-11-16T09:30:00.000Z',
    why: toStaff ? 'you are on the support staff and may decide it' : 'you are an owner of Acme',
    timeZone: TIME_ZONE,
    role: toStaff ? 'agent' : 'owner',
    followUp: 'extension',
    wantedEnd: '2026-12-09T08:00:00.000Z',
    ...changes,
  }
}
