import type { RotationEvent } from '../../database/audit/trail.ts'
import type { RotationView } from '../../database/rotations/views.ts'
import { REASONS } from '../../rules/rotations/approvals.ts'
import { localTime } from '../../rules/text/local-times.ts'
import { durationInWords, REASON_WORDS } from '../../rules/text/words.ts'
import type { Typed } from '../forms/form.ts'
import { shownTime } from './times.ts'

/** A start as the form's date and time field has it. */
export function startTyped(notBefore: Date | null, timeZone: string): string {
  return notBefore === null ? '' : localTime(notBefore, timeZone)
}

function currentValues(rotation: RotationView, timeZone: string): Typed {
  return {
    answer: '',
    changesReason: rotation.reason,
    changesDetails: rotation.details,
    changesNotBefore: startTyped(rotation.notBefore, timeZone),
    changesOverlap: '',
    changesOtherDays: '',
  }
}

function overlapWord(seconds: number): string {
  return seconds === 0 ? 'not at all' : durationInWords(seconds)
}

/** Whether what was typed is about the request itself, so that this part of the form has to be open. */
function touchesRequest(typed: Typed, current: Typed): boolean {
  return Object.keys(current).some((name) => name !== 'answer' && (typed[name] ?? current[name]) !== current[name])
}

/** The open question and the form to answer it with, filled with the request as it is, or with what was typed. Null when none is open. */
export function answerForm(
  rotation: RotationView,
  events: readonly RotationEvent[],
  {
    typed,
    timeZone,
    overlaps,
  }: { typed: Typed; timeZone: string; overlaps: readonly Record<'value' | 'label', string>[] },
) {
  const question = events.findLast((event) => event.message?.kind === 'question')
  if (question === undefined || question.message === null) return null
  const current = currentValues(rotation, timeZone)
  const values = { ...current, ...typed }
  const keep = { value: '', label: `As it is: ${overlapWord(rotation.overlapSeconds)}` }
  return {
    text: question.message.body,
    who: question.actor?.name ?? '',
    at: shownTime(question.at, timeZone),
    questionId: question.message.id,
    action: `/rotations/${rotation.ref}/answer`,
    values,
    changing: touchesRequest(typed, current),
    startHint: `On your clocks (${timeZone}). Empty: as soon as approved.`,
    reasons: REASONS.map((value) => ({
      value,
      label: REASON_WORDS[value],
      chosen: value === values.changesReason,
    })),
    overlaps: [keep, ...overlaps].map((choice) => ({ ...choice, chosen: choice.value === values.changesOverlap })),
  }
}
