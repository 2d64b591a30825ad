import type { RotationLetterKind } from '../kinds/names.ts'
import type { ItemFacts, RotationFacts } from '../kinds/rotation.ts'

const AT = '2026-11-02T09:30:00.000Z'
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
  'follow-up-rejected': 'Gus Agent',
  closed: 'Gus Agent',
}

const NOTE: Partial<Record<RotationLetterKind, string>> = {
  'filed-on-behalf': 'Called back at the number on the contract.',
  question: 'Which of your programs use the Admin key?',
  answered: 'Only the nightly export does.',
  message: 'We see calls with the old key from your test system.',
  failed: 'Two of three tries were made.',
  'follow-up-needed': 'Our partner needs another week.',
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
    oldLast4: '8f3K',
    newLast4: made ? 'Zq1a' : null,
    oldStopsAt: made ? STOP : null,
    oldLastUsedAt: which === 'auth' ? '2026-11-02T09:27:00.000Z' : null,
    oldLastNetwork: which === 'auth' ? '203.0.113.7' : null,
    pickedUp: made ? which === 'auth' : false,
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
    at: AT,
    reason: 'compromised',
    details: 'A laptop was stolen.',
    note: NOTE[kind] ?? 'Confirmed by phone.',
    overlapSeconds: 1_209_600,
    startsAt: '2026-11-05T08:00:00.000Z',
    oldStopsAt: STOP,
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
