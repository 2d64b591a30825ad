import type { DecisionFacts } from '../../database/rotations/decision-facts.ts'
import type { RotationView } from '../../database/rotations/views.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { REFUSALS } from '../../rules/refusals.ts'
import { barFromDeciding, ownerChangedLately } from '../../rules/rotations/approvals.ts'
import { count, joinWords, keyWords } from '../../rules/text/words.ts'
import { howLongAgo, type ShownTime, shownTime } from './times.ts'

export type Check = { fine: boolean; text: string; at: ShownTime | null }

function check(fine: boolean, text: string, at: ShownTime | null = null): Check {
  return { fine, text, at }
}

const USED_LATELY_SECONDS = 86_400

function useCheck(rotation: RotationView, now: Date): Check {
  const busy = rotation.items.flatMap((item) => {
    const at = item.oldVersion?.lastUsedAt ?? null
    const lately = at !== null && now.getTime() - at.getTime() < USED_LATELY_SECONDS * 1000
    return lately
      ? [`${item.serviceName} ${keyWords({ kind: item.kind, name: item.keyName })} (${howLongAgo(at, now)})`]
      : []
  })
  if (busy.length === 0) return check(true, 'None of the keys was used in the last 24 hours.')
  const cutOff = rotation.overlapSeconds === 0
  const words = `In use: ${joinWords(busy)}.`
  return check(
    !cutOff,
    cutOff ? `${words} They stop at once, so calls will fail until the new ones are in place.` : words,
  )
}

function requesterWords(role: DecisionFacts['requesterRole']): string {
  if (role === null) return 'The requester left the organisation.'
  return role === 'owner' ? 'The requester is an owner of the organisation.' : `The requester is only ${role} by now.`
}

/** What is out of the ordinary about how it was filed. */
function specialChecks({ verifiedBy, requester, replaces }: RotationView): Check[] {
  return [
    ...(verifiedBy === null
      ? []
      : [check(false, `It was filed on behalf of ${requester.name}. How the caller was verified: ${verifiedBy}`)]),
    ...(replaces === null ? [] : [check(true, `It takes the place of ${replaces}, since a key was leaked.`)]),
  ]
}

/** An answer may change a request without a one-time code, so whoever decides should look at what it changed. */
function revisionChecks({ revision }: RotationView): Check[] {
  const words = `This is revision ${revision}: look at “What happened” for what changed since it was filed.`
  return revision === 1 ? [] : [check(false, words)]
}

const TRIGGER_WORDS = { age: 'since the keys have got old', leak: 'since a key was found in public' } as const

function filedWords({ filedBy, trigger }: RotationView): string {
  if (filedBy !== null) return `Filed by ${filedBy.name} with a one-time code on`
  return trigger === null ? 'Filed by the desk on' : `Filed by the desk, ${TRIGGER_WORDS[trigger]}, on`
}

/** What the desk can see by itself about a rotation that waits for a decision. */
export function checks(rotation: RotationView, facts: DecisionFacts, timeZone: string, now: Date): Check[] {
  const filedAt = shownTime(rotation.createdAt, timeZone)
  const role = facts.requesterRole
  const { length: others } = facts.otherLiveRefs
  return [
    check(true, filedWords(rotation), filedAt),
    ...specialChecks(rotation),
    check(role === 'owner', requesterWords(role)),
    check(
      facts.unusableKeys === 0,
      facts.unusableKeys === 0
        ? `${count(rotation.items.length, 'key')}: all there and enabled.`
        : `${count(facts.unusableKeys, 'key')} disabled or removed since; these will be skipped.`,
    ),
    useCheck(rotation, now),
    ...revisionChecks(rotation),
    check(
      others === 0,
      others === 0 ? 'No other rotation of theirs is under way.' : `Also under way: ${joinWords(facts.otherLiveRefs)}.`,
    ),
    ownerChangedLately(facts.ownerChangedAt, now)
      ? check(
          false,
          'An owner’s password, code device or address changed on',
          shownTime(facts.ownerChangedAt, timeZone),
        )
      : check(true, 'No owner changed their password, code device or address in the last 7 days.'),
  ]
}

/** Why this person may not decide, in words, or null. */
export function barred(rotation: RotationView, facts: DecisionFacts, actor: PersonActor): string | null {
  if (actor.role !== 'agent' && actor.role !== 'admin') return REFUSALS.NOT_ALLOWED
  if (rotation.approvals.some((approval) => approval.by.id === actor.personId)) return REFUSALS.ALREADY_APPROVED
  const person = { id: actor.personId, staffRole: actor.role, organisationIds: facts.ownOrganisationIds }
  const sides = {
    requesterId: rotation.requester.id,
    filedById: rotation.filedBy?.id ?? null,
    organisationId: rotation.organisationId,
  }
  return barFromDeciding(person, sides)?.message ?? null
}
