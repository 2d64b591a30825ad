import type { Db } from '../../src/database/connect.ts'
import {
  type ItemFacts,
  type LetterContent,
  type NewLetter,
  putLetter,
  ROTATION_LETTER_KINDS,
  type RotationFacts,
  type RotationLetterKind,
} from '../../src/outbox/letters.ts'

const AT = '2026-11-02T09:30:00.000Z'
const STOP = '2026-12-02T08:00:00.000Z'

function items(kind: RotationLetterKind): ItemFacts[] {
  const made = kind === 'new-keys-ready' || kind === 'old-key-revoked' || kind === 'completed'
  const both: ItemFacts['kind'][] = ['auth', 'admin']
  return both.map((which) => ({
    service: 'Payments EU',
    environment: 'live',
    kind: which,
    oldLast4: '8f3K',
    newLast4: made ? 'Zq1a' : null,
    oldStopsAt: made ? STOP : null,
  }))
}

/** Full facts of a rotation's letter, with `changes` in them. */
export function rotationFacts(kind: RotationLetterKind, changes: Partial<RotationFacts> = {}): RotationFacts {
  return {
    ref: 'ROT-1042',
    path: '/rotations/ROT-1042',
    organisation: 'Acme',
    organisationId: 'org_0mh5k3x9qz1234',
    title: 'Payments EU',
    items: items(kind),
    who: 'Ada Owner',
    at: AT,
    reason: 'compromised',
    details: 'A laptop was stolen.',
    note: 'Confirmed by phone.',
    overlapSeconds: 1_209_600,
    startsAt: '2026-11-05T08:00:00.000Z',
    oldStopsAt: STOP,
    approvalsNeeded: 1,
    approvalsGiven: 0,
    decideBy: '2026-11-16T09:30:00.000Z',
    why: 'you are an owner of Acme',
    timeZone: 'Europe/Zurich',
    ...changes,
  }
}

/** One letter of each kind. */
export const SAMPLE_LETTERS: LetterContent[] = [
  ...ROTATION_LETTER_KINDS.map((kind) => ({ kind, facts: rotationFacts(kind) })),
  {
    kind: 'invitation',
    facts: {
      path: '/invitations/0a1b2c',
      organisation: 'Acme',
      who: 'Root Admin',
      role: 'owner',
      expiresAt: STOP,
      why: 'Root Admin gave your address',
      timeZone: 'Europe/Zurich',
    },
  },
  {
    kind: 'account-locked',
    facts: { who: null, at: AT, path: '/', why: 'the account is yours', timeZone: 'Europe/Zurich' },
  },
]

let number = 0

/** A letter that nobody else has; due at once. */
export function sampleLetter(address: string, changes: Partial<NewLetter> = {}): NewLetter {
  const content: LetterContent = { kind: 'received', facts: rotationFacts('received') }
  const letter: NewLetter = {
    ...content,
    naturalKey: `sample/${++number}`,
    to: { name: 'Ada Owner', address },
    thread: 'ROT-1042',
    at: new Date(AT),
  }
  return Object.assign(letter, changes)
}

export async function putSample(db: Db, ...letters: NewLetter[]): Promise<void> {
  await db.transaction().execute(async (trx) => {
    for (const letter of letters) await putLetter(trx, letter)
  })
}
