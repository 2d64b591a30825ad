import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { findContacts } from '../../database/people/memberships.ts'
import { findOrganisation } from '../../database/people/organisations.ts'
import { findMemberships } from '../../database/people/people.ts'
import { lockRecoveryCase, type RecoveryRow } from '../../database/people/recovery-cases.ts'
import { type KeyInService, lockItems, lockKeys, lockVersions } from '../../database/rotations/locks.ts'
import type { VersionRow } from '../../database/schema.ts'
import { NO_SECRET } from '../../keyring/make-version.ts'
import { putNotices } from '../../outbox/notices.ts'
import { refuseSecret } from '../../rules/keys/secret-text.ts'
import { isOver } from '../../rules/keys/verdict.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { barFromRecovery, mayStopKeys } from '../../rules/recovery.ts'
import { Refusal } from '../../rules/refusals.ts'
import { severalLines } from '../../rules/text/foreign-text.ts'
import { keyInService } from '../../rules/text/words.ts'
import { moveItem } from '../record.ts'
import { settle } from '../settle.ts'
import { findLiveRefs, lockTouched, type Touched } from './let-go.ts'

const MAX_REASON_LENGTH = 1_000
const NOT_OPEN =
  'Keys can be stopped here while the case is open and its caller was verified. Open it first, with how you made sure who called.'

type Wish = { keyIds: readonly string[]; reason: string }
type Case = RecoveryRow & { organisationId: string }

function cleanReason(reason: string): string {
  const text = severalLines(reason)
  refuseSecret('/reason', text)
  if (text !== '' && text.length <= MAX_REASON_LENGTH) return text
  const message = `Say in at most ${MAX_REASON_LENGTH} characters why these keys have to stop, and who asked for it.`
  throw new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/reason', message }] })
}

/** The case, locked, so that an objection and this come one after the other. Refuses NOT_FOUND, ILLEGAL_MOVE and OWN_CASE. */
async function lockOpenCase(trx: Trx, actor: PersonActor, id: string): Promise<Case> {
  const recovery = await lockRecoveryCase(trx, id)
  if (recovery === undefined) throw new Refusal('NOT_FOUND')
  const { organisationId } = recovery
  if (organisationId === null || !mayStopKeys(recovery)) throw new Refusal('ILLEGAL_MOVE', { detail: NOT_OPEN })
  const memberships = await findMemberships(trx, actor.personId)
  const staffRole = actor.role === 'agent' || actor.role === 'admin' ? actor.role : null
  const organisationIds = memberships.map((membership) => membership.organisationId)
  const bar = barFromRecovery({ personId: actor.personId, staffRole, organisationIds }, recovery, 'open')
  if (bar !== null) throw bar
  return { ...recovery, organisationId }
}

async function findRefs(trx: Trx, keyIds: readonly string[]): Promise<string[]> {
  const refs: string[] = []
  for (const id of keyIds) refs.push(...(await findLiveRefs(trx, { column: 'keyId', id })))
  return [...new Set(refs)].toSorted()
}

/** The keys named, locked; all of them that organisation's and there. Refuses NOT_FOUND. */
async function lockNamed(trx: Trx, keyIds: readonly string[], organisationId: string): Promise<KeyInService[]> {
  const keys = await lockKeys(trx, keyIds)
  const theirs = keys.filter((key) => key.organisationId === organisationId && key.deletedAt === null)
  if (theirs.length < keyIds.length) throw new Refusal('NOT_FOUND', { detail: 'Not all of these keys are there.' })
  return theirs
}

async function stopVersions(trx: Trx, versions: readonly VersionRow[], at: Date): Promise<void> {
  if (versions.length === 0) return
  const ended = { revokedAt: at, clockStarts: null, clockSeconds: null, ...NO_SECRET }
  const ids = versions.map(({ id }) => id)
  await trx.updateTable('version').set(ended).where('id', 'in', ids).execute()
}

/** Overlaps end with their keys. What only waits to begin goes on: it makes the new keys that are needed now, or fails in sight of the staff. */
async function endOverlaps(
  trx: Trx,
  touched: readonly Touched[],
  keyIds: readonly string[],
  actor: PersonActor,
  at: Date,
) {
  for (const { rotation, items } of touched) {
    const running = items.filter(({ status, keyId }) => status === 'overlap' && keyIds.includes(keyId))
    if (running.length === 0) continue
    for (const item of running)
      await moveItem(trx, item, 'revoke_early', 'retired', { actor, at }, { overlapEndsAt: at })
    const left = await lockItems(trx, rotation.ref)
    const goesOn = rotation.status === 'overlap' || rotation.status === 'executing'
    if (goesOn || !left.some(({ status }) => status === 'pending' || status === 'failed'))
      await settle(trx, rotation, at)
  }
}

type Stop = { recovery: Case; actor: PersonActor; reason: string; keys: readonly KeyInService[]; at: Date }

/** Tells everybody of the organisation, also those who can't sign in. */
async function tell(trx: Trx, { recovery, actor, reason, keys, at }: Stop): Promise<void> {
  const organisation = (await findOrganisation(trx, recovery.organisationId))?.name ?? ''
  const contacts = await findContacts(trx, recovery.organisationId)
  const names = keys.map((key) => keyInService({ ...key, service: key.serviceName }))
  await putNotices(
    trx,
    contacts.map((contact) => ({ ...contact, why: `you belong to ${organisation}` })),
    {
      notice: 'key_stopped',
      key: `${recovery.id}/${at.toISOString()}`,
      organisation,
      who: actor.name,
      about: names.length === 1 ? (names[0] ?? '') : `${names.length} keys`,
      note: 'Calls with these keys are refused from now on, for good. New ones come by a rotation, which an owner requests or support files.',
      details: [...names, `Reason given: ${reason}`],
      path: `/recovery/${recovery.id}`,
      at,
    },
  )
}

async function record(trx: Trx, stop: Stop, versions: readonly VersionRow[]): Promise<void> {
  const { recovery, actor, reason, keys, at } = stop
  const rows = keys.map((key) => ({ recoveryCaseId: recovery.id, keyId: key.id, at, by: actor.personId, reason }))
  await trx.insertInto('emergencyStop').values(rows).execute()
  const facts = { case: recovery.id, keys: keys.map(({ id }) => id), versions: versions.map(({ id }) => id) }
  await recordAudit(trx, recovery.organisationId, at, { action: 'key.emergency_stop', actor, facts })
}

/** One try: null when a rotation was filed between the first look and the locks; nothing is written then. */
async function tryStop(trx: Trx, actor: PersonActor, caseId: string, wish: Wish): Promise<string[] | null> {
  const recovery = await lockOpenCase(trx, actor, caseId)
  const refs = await findRefs(trx, wish.keyIds)
  const touched = await lockTouched(trx, refs, null)
  const keys = await lockNamed(trx, wish.keyIds, recovery.organisationId)
  const versions = await lockVersions(trx, wish.keyIds)
  if ((await findRefs(trx, wish.keyIds)).some((ref) => !refs.includes(ref))) return null
  const at = await clock(trx)
  const running = versions.filter((version) => !isOver(version, at))
  const stopped = keys.filter((key) => running.some(({ keyId }) => keyId === key.id))
  if (stopped.length === 0) return []
  const keyIds = stopped.map(({ id }) => id)
  await stopVersions(trx, running, at)
  const stop = { recovery, actor, reason: wish.reason, keys: stopped, at }
  await record(trx, stop, running)
  await endOverlaps(trx, touched, keyIds, actor, at)
  await tell(trx, stop)
  return keyIds
}

/**
 * Stops keys of a caller who can't do it themselves, within the recovery case that verified who called: every version, from the commit on
 * and for good. It reveals nothing and makes nothing; everybody of the organisation is told, with the reason. Keys without a version that
 * works are left as they are, so sent twice it stops nothing twice. Answers the keys that it stopped. Refuses NOT_ALLOWED, NOT_FOUND (no
 * such case, or a key that isn't that organisation's), OWN_CASE, ILLEGAL_MOVE (the case is over, or nobody verified the caller yet),
 * CONTAINS_SECRET and INVALID_REQUEST.
 */
export async function stopInEmergency(
  db: Db,
  actor: PersonActor,
  caseId: string,
  wish: Wish,
): Promise<{ keyIds: string[] }> {
  requireRole(actor, 'keys.emergencyRevoke')
  const reason = cleanReason(wish.reason)
  const keyIds = [...new Set(wish.keyIds)]
  if (keyIds.length === 0) {
    throw new Refusal('INVALID_REQUEST', { errors: [{ pointer: '/keyIds', message: 'Choose the keys to stop.' }] })
  }
  for (;;) {
    // Each further try needs a filing that came in between, and filings are limited.
    const done = await db.transaction().execute((trx) => tryStop(trx, actor, caseId, { keyIds, reason }))
    if (done !== null) return { keyIds: done }
  }
}
