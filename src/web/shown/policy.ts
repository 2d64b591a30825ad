import { HOLD_SECONDS } from '../../rules/hold.ts'
import type { DeskPolicy } from '../../rules/policy-change.ts'
import {
  DECIDE_REMINDERS_SECONDS,
  DECIDE_WITHIN_SECONDS,
  type Doubt,
  MANY_ITEMS,
  OWNER_CHANGE_SECONDS,
  STALE_AFTER_SECONDS,
} from '../../rules/rotations/approvals.ts'
import { MAX_OVERLAP_SECONDS, MAX_START_AHEAD_SECONDS } from '../../rules/rotations/overlap.ts'
import { count, durationInWords as inWords, joinWords } from '../../rules/text/words.ts'
import { ageWords, LEAK_WORDS, reasonWords } from './policy-words.ts'

const OWNER_CHANGE = `an owner’s password, code device or email address changed in the last ${inWords(OWNER_CHANGE_SECONDS)}`

export const DOUBT_WORDS = {
  on_behalf: 'it is filed on behalf of an owner',
  owner_changed: OWNER_CHANGE,
  no_overlap: 'the old keys stop at once though none was leaked',
  many_items: `it is about more than ${count(MANY_ITEMS, 'key')}`,
  policy: 'the policy of the desk or of one of the services asks for two',
} as const satisfies Record<Doubt, string>

type Rule = { name: string; lines: string[] }

/** How many agents approve, by the policy and by what makes a second one necessary. */
function approvalLines({ approvalsNeeded, selfService }: DeskPolicy): string[] {
  const { policy: _, ...doubtWords } = DOUBT_WORDS
  const why = joinWords(Object.values(doubtWords)).replace(/ and (?=[^,]*$)/, ', or ')
  const two = approvalsNeeded === 2
  return [
    two
      ? 'Two different agents, always.'
      : 'One agent is enough, except where a mistake or a thief would do most harm.',
    ...(two ? [] : [`Two different ones are needed when ${why}.`]),
    selfService
      ? `Services have self-service: what an owner files with a one-time code for at most ${count(MANY_ITEMS, 'key')} is approved by that, unless ${OWNER_CHANGE}.`
      : 'Where a service has self-service, what an owner files for it with a one-time code is approved by that.',
    'Each approval takes a one-time code and counts for what was seen: a change asks for all of them again.',
  ]
}

/** How long old keys work and when new ones do. */
function overlapLines({ longestOverlapSeconds, overlapByReason, cooldownSeconds }: DeskPolicy): string[] {
  const shorter = reasonWords(overlapByReason)
  return [
    longestOverlapSeconds === 0
      ? 'Old keys stop when the new ones are made.'
      : `Old and new keys both work for at most ${inWords(longestOverlapSeconds)}.`,
    ...(longestOverlapSeconds === MAX_OVERLAP_SECONDS
      ? []
      : [`More time, up to ${inWords(MAX_OVERLAP_SECONDS)} after the new keys were made, takes an agent’s approval.`]),
    ...(shorter.length === 0 ? [] : [`For single reasons at most: ${joinWords(shorter)}.`]),
    ...(cooldownSeconds === 0
      ? []
      : [
          `New keys begin to work ${inWords(cooldownSeconds)} after they were made, but those for a leaked key at once.`,
        ]),
  ]
}

/** What the desk does by itself. */
function selfLines({ remindAgeDays, fileAgeDays, leakResponse }: DeskPolicy): string[] {
  const leak = LEAK_WORDS[leakResponse]
  return [
    remindAgeDays === null
      ? 'Owners are not reminded of the age of keys.'
      : `Owners are reminded of keys that are ${ageWords(remindAgeDays)} old, and every ${ageWords(remindAgeDays)} from then on.`,
    fileAgeDays === null
      ? 'No rotation is filed for the age of keys.'
      : `A rotation is filed for keys that are ${ageWords(fileAgeDays)} old.`,
    `When a key was found in public: ${leak.charAt(0).toLowerCase()}${leak.slice(1)}.`,
  ]
}

function limitLines(policy: DeskPolicy): string[] {
  const { filingsPerHour, filingRanges, keysPerService, keysPerPerson } = policy
  return [
    `A start lies at most ${inWords(MAX_START_AHEAD_SECONDS)} ahead.`,
    `One person files at most ${filingsPerHour} requests an hour.`,
    ...(filingRanges.length === 0 ? [] : [`Owners file from these addresses alone: ${joinWords(filingRanges)}.`]),
    `A service has at most ${keysPerService} keys, and one person makes at most ${keysPerPerson}.`,
  ]
}

/** The rules in force, each with its numbers as the desk applies them. */
export function policyRules(policy: DeskPolicy): Rule[] {
  const reminders = joinWords(DECIDE_REMINDERS_SECONDS.map(inWords))
  return [
    {
      name: 'Who decides',
      lines: [
        'Agents who neither filed nor requested it, and who don’t belong to the organisation.',
        'Administrators decide only what was filed on behalf of an owner.',
      ],
    },
    {
      name: 'How many approve',
      lines: approvalLines(policy),
    },
    {
      name: 'How long a decision may take',
      lines: [
        `A request that nobody decides for ${inWords(DECIDE_WITHIN_SECONDS)} expires. Agents are reminded ${reminders} before.`,
        `An approval that wasn’t carried out within ${inWords(STALE_AFTER_SECONDS)} of its start has to be given anew.`,
      ],
    },
    {
      name: 'Who has to wait',
      lines: [
        `For ${inWords(HOLD_SECONDS)} after their password, code device or email address changed, owners file nothing and nobody picks up keys.`,
        'A leaked key can’t wait: they may file that, two agents approve it, and then they may pick it up.',
      ],
    },
    {
      name: 'Leaked keys',
      lines: [
        'A request about a leaked key takes the place of a routine one for the same key; of keys in overlap the older version stops at once.',
        'An agent alone stops no key: filing on behalf replaces only what has not begun.',
      ],
    },
    { name: 'Overlap', lines: overlapLines(policy) },
    { name: 'What the desk does by itself', lines: selfLines(policy) },
    { name: 'Limits', lines: limitLines(policy) },
  ]
}
