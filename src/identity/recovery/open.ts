import { clock, type Db, type Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { findOrganisation } from '../../database/people/organisations.ts'
import { findPerson } from '../../database/people/people.ts'
import type { RecoveryRow } from '../../database/people/recovery-cases.ts'
import { isUniqueViolation } from '../../database/violations.ts'
import { refuseSecret } from '../../rules/keys/secret-text.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { RECOVERY_CHECKS, type RecoveryCheck } from '../../rules/recovery.ts'
import { type FieldError, Refusal } from '../../rules/refusals.ts'
import { severalLines } from '../../rules/text/foreign-text.ts'
import { cleanInvitee } from '../members/invite.ts'
import { lockCase, recordCase, refuseOwn, refuseUnlessTrue } from './case.ts'
import { tellContacts } from './told.ts'

const MIN_WORDS_LENGTH = 20
const MAX_WORDS_LENGTH = 2_000

/** How the caller was verified: in words, and with every check of the list ticked. */
export type Verification = { verifiedBy: string; checks: readonly string[] }
export type NewCase = Verification &
  (
    | { kind: 'no_owner'; organisationId: string; name: string; email: string }
    | { kind: 'lost_access'; organisationId: string | null; personId: string }
  )

function cleanVerification(input: Verification): { verifiedBy: string; checks: RecoveryCheck[] } {
  const verifiedBy = severalLines(input.verifiedBy)
  refuseSecret('/verifiedBy', verifiedBy)
  const errors: FieldError[] = []
  if (verifiedBy.length < MIN_WORDS_LENGTH || verifiedBy.length > MAX_WORDS_LENGTH) {
    const message = 'Say how you made sure who called: whom you reached, on which number, and what they knew.'
    errors.push({ pointer: '/verifiedBy', message })
  }
  const all = Object.keys(RECOVERY_CHECKS).filter((name): name is RecoveryCheck => name in RECOVERY_CHECKS)
  if (!all.every((name) => input.checks.includes(name))) {
    errors.push({ pointer: '/checks', message: 'Do each of these first, then tick it.' })
  }
  if (errors.length > 0) throw new Refusal('INVALID_REQUEST', { errors })
  return { verifiedBy, checks: all }
}

type Subject = { personId: string | null; name: string; email: string }

/** Whom the case gives access to: the new owner as named, or the person as the desk knows them. */
async function subjectOf(trx: Trx, input: NewCase): Promise<Subject> {
  if (input.kind === 'no_owner') return { personId: null, ...cleanInvitee(input) }
  const person = await findPerson(trx, input.personId)
  if (person === undefined) throw new Refusal('NOT_FOUND')
  return { personId: person.id, name: person.name, email: person.email }
}

/**
 * Opens a recovery case: for an organisation that has no owner left, with its new one, or for somebody who lost password or code
 * device. Everybody of the organisation is told at once. Nothing is done before a second of the staff confirmed it and the
 * cooling-off is over. Refuses NOT_ALLOWED, NOT_FOUND, OWN_CASE, CASE_OPEN, ILLEGAL_MOVE (nothing to recover), CONTAINS_SECRET and
 * INVALID_REQUEST.
 */
export async function openRecoveryCase(db: Db, actor: PersonActor, input: NewCase): Promise<{ id: string }> {
  requireRole(actor, 'recovery.manage')
  const verification = cleanVerification(input)
  try {
    return await db.transaction().execute((trx) => writeCase(trx, actor, input, verification))
  } catch (error) {
    if (isUniqueViolation(error, 'one_open_recovery_case')) throw new Refusal('CASE_OPEN')
    throw error
  }
}

async function writeCase(
  trx: Trx,
  actor: PersonActor,
  input: NewCase,
  verification: Verification & { checks: string[] },
) {
  const { organisationId, kind } = input
  if (organisationId !== null && (await findOrganisation(trx, organisationId)) === undefined)
    throw new Refusal('NOT_FOUND')
  const subject = await subjectOf(trx, input)
  const recovery = { id: newId('recoveryCase'), organisationId, kind, ...subject }
  await refuseOwn(trx, actor, { ...recovery, openedBy: null }, 'open')
  await refuseUnlessTrue(trx, recovery)
  const at = await clock(trx)
  await trx
    .insertInto('recoveryCase')
    .values({ ...recovery, ...verification, status: 'opened', createdAt: at, openedBy: actor.personId, openedAt: at })
    .execute()
  await recordCase(trx, recovery, { action: 'recovery.open', actor, at })
  await tellContacts(trx, recovery, { notice: 'recovery_opened', who: actor.name, at })
  return { id: recovery.id }
}

/** Opens a case that somebody requested from the sign-in page, once it is verified that it was them. Refuses as `openRecoveryCase`. */
export async function openRequestedCase(db: Db, actor: PersonActor, id: string, input: Verification): Promise<void> {
  requireRole(actor, 'recovery.manage')
  const verification = cleanVerification(input)
  await db.transaction().execute(async (trx) => {
    const recovery: RecoveryRow = await lockCase(trx, id, 'open')
    await refuseOwn(trx, actor, recovery, 'open')
    await refuseUnlessTrue(trx, recovery)
    const at = await clock(trx)
    await trx
      .updateTable('recoveryCase')
      .set({ ...verification, status: 'opened', openedBy: actor.personId, openedAt: at })
      .where('id', '=', id)
      .execute()
    await recordCase(trx, recovery, { action: 'recovery.open', actor, at })
    await tellContacts(trx, recovery, { notice: 'recovery_opened', who: actor.name, at })
  })
}
