import type { Role, StaffRole } from './permissions.ts'
import { Refusal } from './refusals.ts'
import { DAY_SECONDS } from './rotations/overlap.ts'

export const RECOVERY_KINDS = ['no_owner', 'lost_access'] as const
export type RecoveryKind = (typeof RECOVERY_KINDS)[number]
export const RECOVERY_STATUSES = ['requested', 'opened', 'confirmed', 'done', 'refused'] as const
export type RecoveryStatus = (typeof RECOVERY_STATUSES)[number]
export const OPEN_RECOVERY_STATUSES = ['requested', 'opened', 'confirmed'] as const satisfies readonly RecoveryStatus[]

/** Every legal move of a recovery case: move → statuses before. It leads to the status that its name says. */
const MOVES = {
  open: ['requested'],
  confirm: ['opened'],
  carry_out: ['confirmed'],
  refuse: ['requested', 'opened', 'confirmed'],
} as const satisfies Record<string, readonly RecoveryStatus[]>
export type RecoveryMove = keyof typeof MOVES

export function recoveryMayMove(move: RecoveryMove, from: RecoveryStatus): boolean {
  const statuses: readonly RecoveryStatus[] = MOVES[move]
  return statuses.includes(from)
}

/** What whoever opens a case does before, in the words of the form; all of it, each time. */
export const RECOVERY_CHECKS = {
  called_back: 'I called back on a number the desk had before this case, not one the caller gave.',
  knows: 'They named services and a recent change that only somebody of the organisation knows.',
  asked_others: 'I tried to reach another contact of the organisation and noted above what they said.',
} as const
export type RecoveryCheck = keyof typeof RECOVERY_CHECKS

const WITH_OTHERS_SECONDS = DAY_SECONDS
const ALONE_SECONDS = 3 * DAY_SECONDS
const CARRY_OUT_WITHIN_SECONDS = 7 * DAY_SECONDS

/**
 * How long everybody concerned can object before anything is done, from the second agent's confirmation on: 24 hours where
 * another owner (or admin) can object, 72 where nobody else is there to notice.
 */
export function coolingOffSeconds(otherLeaders: number): number {
  return otherLeaders > 0 ? WITH_OTHERS_SECONDS : ALONE_SECONDS
}

/** Whether a confirmed case waited for so long that what was verified says nothing any more: 7 days past its cooling-off. */
export function isStaleCase(notBefore: Date, now: Date): boolean {
  return now.getTime() - notBefore.getTime() > CARRY_OUT_WITHIN_SECONDS * 1000
}

type Agent = { personId: string; staffRole: StaffRole | null; organisationIds: readonly string[] }
type Case = { organisationId: string | null; personId: string | null; openedBy: string | null }

/**
 * Why somebody of the staff may not open, confirm or carry out a case, or null: nobody does so for themselves or for an
 * organisation they belong to, and the second agent is another one than the first.
 */
export function barFromRecovery(agent: Agent, recovery: Case, move: Exclude<RecoveryMove, 'refuse'>): Refusal | null {
  if (agent.staffRole === null) return new Refusal('NOT_ALLOWED')
  const own = recovery.organisationId !== null && agent.organisationIds.includes(recovery.organisationId)
  if (own || agent.personId === recovery.personId) return new Refusal('OWN_CASE')
  return move === 'confirm' && agent.personId === recovery.openedBy ? new Refusal('OWN_CASE') : null
}

/**
 * Whether a member may object to a case, which ends it: the person it is about, the owners, and every member of an organisation
 * that has no owner to do so.
 */
export function mayObject(
  member: { personId: string; role: Role; organisationId: string | null },
  recovery: Pick<Case, 'organisationId' | 'personId'>,
  owners: number,
): boolean {
  if (member.organisationId === null || member.organisationId !== recovery.organisationId) return false
  return member.role === 'owner' || member.personId === recovery.personId || owners === 0
}

/**
 * Whether keys may be stopped at once within a case: one that is open, of an organisation, and whose caller somebody of the staff has
 * verified. A link in a mailbox alone stops nobody's keys.
 */
export function mayStopKeys({
  status,
  organisationId,
}: {
  status: RecoveryStatus
  organisationId: string | null
}): boolean {
  return organisationId !== null && (status === 'opened' || status === 'confirmed')
}
