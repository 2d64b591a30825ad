import type { Policy, ServicePolicy } from '../../../rules/policy.ts'
import type { DeskPolicy } from '../../../rules/policy-change.ts'
import { REASONS } from '../../../rules/rotations/approvals.ts'
import { count, REASON_WORDS } from '../../../rules/text/words.ts'
import type { Problems, Typed } from '../../forms/form.ts'
import { ageWords, LEAK_WORDS, overlapWords, rangeWords, waitWords } from '../../shown/policy-words.ts'
import { ANYWHERE, AS_DESK, inUnits, overlapField } from './form.ts'

/** What the fields show before anything is typed. */
export function typedOf(policy: DeskPolicy | ServicePolicy): Typed {
  const whole = (number: number | null) => (number === null ? '' : String(number))
  const yesOrNo = policy.selfService ? 'yes' : 'no'
  const ranges = policy.filingRanges
  const byReason = REASONS.map((reason) => [overlapField(reason), inUnits(policy.overlapByReason?.[reason], 'day')])
  return {
    longestOverlapSeconds: inUnits(policy.longestOverlapSeconds, 'day'),
    ...Object.fromEntries(byReason),
    approvalsNeeded: policy.approvalsNeeded === null ? AS_DESK : String(policy.approvalsNeeded),
    selfService: policy.selfService === null ? AS_DESK : yesOrNo,
    cooldownSeconds: inUnits(policy.cooldownSeconds, 'hour'),
    remindAgeDays: whole(policy.remindAgeDays),
    fileAgeDays: whole(policy.fileAgeDays),
    keysPerService: whole(policy.keysPerService),
    filingRanges: ranges?.join('\n') ?? '',
    leakResponse: policy.leakResponse ?? AS_DESK,
    ...('filingsPerHour' in policy
      ? {
          keysPerPerson: whole(policy.keysPerPerson),
          filingsPerHour: whole(policy.filingsPerHour),
          resetsPerHour: whole(policy.resetsPerHour),
        }
      : {}),
  }
}

/** A service that has anywhere of its own, though the desk has addresses, shows the word for it. */
export function typedOfService(own: ServicePolicy): Typed {
  return { ...typedOf(own), ...(own.filingRanges?.length === 0 ? { filingRanges: ANYWHERE } : {}) }
}

type Shown = { values: Typed; problems: Problems; desk: Policy | null }
type Facts = { hint?: string; inDesk?: string; inputmode?: 'numeric' | 'text' }

/** One text field; beside a service's stands what the desk has. */
function text({ values, problems, desk }: Shown, id: string, label: string, facts: Facts = {}) {
  const blank = desk === null ? '' : `Empty: as the desk has it (${facts.inDesk ?? ''}).`
  const hint = [facts.hint ?? '', blank].filter(Boolean).join(' ')
  const inputmode = facts.inputmode ?? 'numeric'
  return { id, label, hint, value: values[id] ?? '', error: problems[id], inputmode, width: 'short' }
}

type Option = readonly [value: string, label: string]

function choice({ values, problems, desk }: Shown, id: string, label: string, inDesk: string, options: Option[]) {
  const all: Option[] = desk === null ? options : [[AS_DESK, `As the desk has it: ${inDesk}`], ...options]
  const shown = all.map(([value, label]) => ({ value, label, chosen: values[id] === value }))
  return { id, label, error: problems[id], options: shown }
}

const YES_NO: Option[] = [
  ['no', 'No: agents decide'],
  ['yes', 'Yes: the owner’s one-time code is the approval'],
]
const APPROVALS: Option[] = [
  ['1', '1, and 2 where a mistake or a thief would do most harm'],
  ['2', '2 always'],
]

function overlapFields(shown: Shown) {
  const { desk } = shown
  const inDesk = desk === null ? '' : overlapWords(desk.longestOverlapSeconds)
  const days = 'In days, from 0 to 30, or with its unit, such as 12 hours.'
  const reasons = REASONS.map((reason) => {
    const own = desk?.overlapByReason[reason]
    const facts = { inputmode: 'text', inDesk: own === undefined ? 'no shorter' : overlapWords(own) } as const
    return text(shown, overlapField(reason), REASON_WORDS[reason], facts)
  })
  return {
    longest: text(shown, 'longestOverlapSeconds', 'Longest overlap', { hint: days, inDesk, inputmode: 'text' }),
    reasons,
  }
}

/** The fields that the desk and a service have in common, in the groups of the page. */
export function policyFields(shown: Shown) {
  const { desk } = shown
  const never = desk === null ? 'Empty: never.' : '0: never.'
  const yes = desk?.selfService ? 'yes' : 'no'
  const age = (days: number | null | undefined) => ageWords(days ?? null)
  const cooldown = {
    hint: 'In hours, from 0 to 168, or with its unit, such as 30 minutes; a leaked key’s replacement never waits.',
    inputmode: 'text',
  } as const
  return {
    overlap: overlapFields(shown),
    choices: [
      choice(shown, 'approvalsNeeded', 'Approvals', String(desk?.approvalsNeeded ?? ''), APPROVALS),
      choice(shown, 'selfService', 'Self-service', yes, YES_NO),
    ],
    cooldown: text(shown, 'cooldownSeconds', 'New keys wait before they work', {
      ...cooldown,
      inDesk: waitWords(desk?.cooldownSeconds ?? 0),
    }),
    ages: [
      text(shown, 'remindAgeDays', 'Remind owners of keys this old', {
        hint: `In days. ${never}`,
        inDesk: age(desk?.remindAgeDays),
      }),
      text(shown, 'fileAgeDays', 'File a rotation for keys this old', {
        hint: `In days. ${never}`,
        inDesk: age(desk?.fileAgeDays),
      }),
    ],
    keysPerService: text(shown, 'keysPerService', 'Keys per service, at most', {
      inDesk: count(desk?.keysPerService ?? 0, 'key'),
    }),
    ranges: {
      ...text(shown, 'filingRanges', 'Addresses from which an organisation’s people may file', {
        hint: `One address or range a line, such as 203.0.113.0/24. ${desk === null ? 'Empty: from anywhere.' : `“${ANYWHERE}”: no limit.`}`,
        inDesk: rangeWords(desk?.filingRanges ?? []),
      }),
      rows: '3',
    },
    leak: choice(
      shown,
      'leakResponse',
      'When a key was found in public',
      LEAK_WORDS[desk?.leakResponse ?? 'tell'].toLowerCase(),
      Object.entries(LEAK_WORDS),
    ),
  }
}

/** What the desk alone has. */
export function deskFields(shown: Shown) {
  return [
    text(shown, 'keysPerPerson', 'Keys that one person makes, at most'),
    text(shown, 'filingsPerHour', 'Requests that one person files, at most, an hour'),
    text(shown, 'resetsPerHour', 'Password resets and requests for lost access of one address, at most, an hour'),
  ]
}
