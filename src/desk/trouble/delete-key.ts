import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { type DependantView, findDependants } from '../../database/dependants/dependants.ts'
import { lockKey } from '../../database/keys/lock-key.ts'
import { lockVersions } from '../../database/rotations/locks.ts'
import { mailAboutKey, sendKeyEvent } from '../../keyring/keys/told.ts'
import { DEPENDANT_WORDS } from '../../rules/keys/dependants.ts'
import { isAccepted } from '../../rules/keys/verdict.ts'
import { type PersonActor, requireRole } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { endKeys, findLiveRefs, type Going, letGo, lockTouched } from './let-go.ts'

const REASON = 'The key was deleted.'

type Deletion = { keyId: string; confirmName: string }

/** What ended with a key. */
export type Stopped = {
  /** Versions that were accepted until then. */
  versions: { id: string; last4: string }[]
  dependants: DependantView[]
  /** Rotations that went on without it, or were closed. */
  refs: string[]
}

function refuseUnconfirmed(name: string, confirmName: string): void {
  if (confirmName.trim().normalize('NFC') === name) return
  const errors = [{ pointer: '/confirmName', message: 'Type the name of the key exactly as it is.' }]
  throw new Refusal('INVALID_REQUEST', { errors })
}

function detailsOf({ versions, dependants, refs }: Stopped): string[] {
  return [
    ...versions.map(({ last4 }) => `The version that ends in ${last4} is refused`),
    ...dependants.map(({ type, name }) => `${name} (${DEPENDANT_WORDS[type]}) stops`),
    ...refs.map((ref) => `${ref} goes on without it, or is closed`),
  ]
}

/** One try: null when a rotation was filed between the first look and the locks, so that it isn't among those locked; nothing is written then. */
async function tryDeletion(trx: Trx, actor: PersonActor, { keyId, confirmName }: Deletion): Promise<Stopped | null> {
  const going: Going = { column: 'keyId', id: keyId }
  const refs = await findLiveRefs(trx, going)
  const touched = await lockTouched(trx, refs, actor.organisationId)
  const key = await lockKey(trx, actor.organisationId, keyId)
  refuseUnconfirmed(key.name, confirmName)
  const versions = await lockVersions(trx, [keyId])
  const now = await findLiveRefs(trx, going)
  if (now.some((ref) => !refs.includes(ref))) return null
  const at = await clock(trx)
  const accepted = versions.filter((version) => isAccepted(version, at)).map(({ id, last4 }) => ({ id, last4 }))
  const stopped = { versions: accepted, dependants: await findDependants(trx, [keyId]), refs: now }
  await endKeys(trx, [keyId], at)
  const ids = { versions: accepted.map(({ id }) => id), dependants: stopped.dependants.map(({ id }) => id) }
  const facts = { key: keyId, service: key.serviceId, name: key.name, ...ids, rotations: now }
  const position = await recordAudit(trx, key.organisationId, at, { action: 'key.delete', actor, facts })
  for (const each of touched) await letGo(trx, each, going, REASON, { actor, at })
  const told = { actor, at, key, details: detailsOf(stopped), path: `/services/${key.serviceId}` }
  await mailAboutKey(trx, 'key_deleted', told, position)
  await sendKeyEvent(trx, 'key.deleted', key, at, position)
  return stopped
}

/**
 * Deletes a key for good: no verify sent after this answered accepts any version of it, and no secret of it is left to be picked up. What
 * rotations still had to do with it ends as it does when its service goes. Everybody who may view it is told. Answers what stopped.
 * Refuses NOT_FOUND, and INVALID_REQUEST when `confirmName` isn't its name.
 */
export async function deleteKey(db: Db, actor: PersonActor, deletion: Deletion): Promise<Stopped> {
  requireRole(actor, 'keys.manage')
  for (;;) {
    // Each further try needs a filing that came in between, and filings are limited.
    const done = await db.transaction().execute((trx) => tryDeletion(trx, actor, deletion))
    if (done !== null) return done
  }
}
