import type { RotationView } from '../../../database/rotations/views.ts'
import type { PersonActor } from '../../../rules/permissions.ts'
import { isEnded } from '../../../rules/rotations/rotation-lifecycle.ts'
import { joinWords } from '../../../rules/text/words.ts'
import { rowFacts } from '../../shown/rotation-facts.ts'
import { waitsForPickUp } from '../../shown/status.ts'
import { shownTimeOrNull } from '../../shown/times.ts'
import { triedWords } from '../../shown/trouble.ts'

const WAITING = { early_revocation: 'An early end', extension: 'More time', rollback: 'A rollback' } as const

/** A rotation and who had it when the page was shown: what a tick or "Take it" stands for. */
function tickOf(rotation: RotationView): string {
  return `${rotation.ref}/${rotation.assignee?.id ?? ''}`
}

function waitingWord({ followUps }: RotationView): string | null {
  const asked = followUps
    .filter(({ status, approvalsNeeded }) => status === 'requested' && approvalsNeeded > 0)
    .map(({ type }) => WAITING[type])
  return asked.length === 0 ? null : `${joinWords(asked)} asked for`
}

/** Why it doesn't go on, in words, and how often it was tried; null when nothing is wrong. */
function troubleOf({ status, problem, items }: RotationView) {
  const failed = items.filter((item) => item.status === 'failed')
  const tried = items.filter((item) => item.status === 'failed' || item.status === 'pending')
  const attempts = Math.max(0, ...tried.map((item) => item.attempts))
  if (isEnded(status) || (problem === null && failed.length === 0 && attempts === 0)) return null
  const problems = [problem, ...failed.map((item) => item.problem)].filter((words) => words !== null)
  return { tried: triedWords(attempts), problems: [...new Set(problems)] }
}

/** A rotation as a row of the queue, to the one of the staff who looks. */
export function queueRow(rotation: RotationView, actor: PersonActor, timeZone: string) {
  const { approvals, approvalsNeeded, assignee } = rotation
  const ended = isEnded(rotation.status)
  return {
    ...rowFacts(rotation, timeZone),
    organisationHref: `/queue?view=all&organisation=${rotation.organisationId}`,
    urgent: rotation.reason === 'compromised',
    startsAt: shownTimeOrNull(rotation.notBefore, timeZone),
    startWord: 'as soon as approved',
    nextDeadline: shownTimeOrNull(rotation.nextDeadline, timeZone),
    late: !ended && rotation.nextDeadline !== null && rotation.nextDeadline < new Date(),
    approvalsWord: `${approvals.length} of ${approvalsNeeded}`,
    mineNote: approvals.some(({ by }) => by.id === actor.personId) ? 'one is yours' : null,
    waiting: waitingWord(rotation),
    notPickedUp: ended ? 0 : rotation.items.filter(waitsForPickUp).length,
    trouble: troubleOf(rotation),
    assignee: assignee === null ? null : { name: assignee.name, you: assignee.id === actor.personId },
    tick: ended ? null : tickOf(rotation),
    takeable: !ended && assignee === null,
  }
}
