import type { RecoveryView, StopView } from '../../database/people/recovery-cases.ts'
import { RECOVERY_CHECKS, type RecoveryKind, type RecoveryStatus } from '../../rules/recovery.ts'
import { shownOrganisation } from './page.ts'
import { type ShownTime, shownTime, shownTimeOrNull } from './times.ts'

type StatusWords = { word: string; color: 'info' | 'warning' | 'success' | 'neutral' }

const RECOVERY_STATUS = {
  requested: { word: 'Requested', color: 'info' },
  opened: { word: 'Waits for a second agent', color: 'warning' },
  confirmed: { word: 'Cooling off', color: 'warning' },
  done: { word: 'Done', color: 'success' },
  refused: { word: 'Refused', color: 'neutral' },
} as const satisfies Record<RecoveryStatus, StatusWords>

export const RECOVERY_KIND_WORDS = {
  no_owner: 'A new owner for an organisation without one',
  lost_access: 'Somebody lost their password or code device',
} as const satisfies Record<RecoveryKind, string>

/** The tag: a case whose cooling-off is over waits for somebody to carry it out. */
export function recoveryStatus(
  { status, notBefore }: Pick<RecoveryView, 'status' | 'notBefore'>,
  now: Date,
): StatusWords {
  const over = status === 'confirmed' && notBefore !== null && notBefore <= now
  return over ? { word: 'Can be carried out', color: 'info' } : RECOVERY_STATUS[status]
}

/** A case as a row of a list. */
export function recoveryRow(recovery: RecoveryView, timeZone: string, now: Date) {
  const { id, organisationId, organisation, name, email, kind, createdAt, notBefore } = recovery
  return {
    href: `/desk/recovery/${id}`,
    name,
    email,
    kindWord: RECOVERY_KIND_WORDS[kind],
    organisation: organisationId === null ? null : shownOrganisation(organisationId, organisation ?? ''),
    createdAt: shownTime(createdAt, timeZone),
    notBefore: shownTimeOrNull(notBefore, timeZone),
    status: recoveryStatus(recovery, now),
  }
}

type Step = { what: string; who: string | null; at: ShownTime }

/** What happened to a case so far, in its order. */
export function recoverySteps(recovery: RecoveryView, timeZone: string): Step[] {
  const { createdAt, openedAt, confirmedAt, closedAt, openerName, confirmerName, closerName, status } = recovery
  const wasRequested = openedAt === null || openedAt.getTime() !== createdAt.getTime()
  const steps: [what: string, who: string | null, at: Date | null][] = [
    ['Requested, by a link mailed to the address', null, wasRequested ? createdAt : null],
    ['Opened, with the caller verified', openerName, openedAt],
    ['Confirmed by a second agent', confirmerName, confirmedAt],
    [status === 'done' ? 'Carried out' : 'Refused', closerName, closedAt],
  ]
  return steps.flatMap(([what, who, at]) => (at === null ? [] : [{ what, who, at: shownTime(at, timeZone) }]))
}

/** The list that whoever opens a case works through, with what was ticked. */
export function checkChoices(ticked: readonly string[] = []) {
  return Object.entries(RECOVERY_CHECKS).map(([value, label], i) => ({
    value,
    inputId: i === 0 ? 'checks' : `checks-${value}`,
    label,
    ticked: ticked.includes(value),
  }))
}

/** Keys that were stopped at once within a case, for its page. */
export function shownStops(stops: readonly StopView[], timeZone: string) {
  return stops.map(({ at, ...stop }) => ({ ...stop, at: shownTime(at, timeZone) }))
}
