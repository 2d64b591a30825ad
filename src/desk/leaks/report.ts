import { recordAudit } from '../../database/audit/append.ts'
import { clock, type Db, type Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import { findLeakedVersions, type LeakedVersion } from '../../database/leaks.ts'
import { lockFirstOwner, type Owner } from '../../database/people/owners.ts'
import { findPolicies } from '../../database/policy.ts'
import { type KeyInService, lockItems, lockKeys, lockRotation, lockVersions } from '../../database/rotations/locks.ts'
import type { VersionRow } from '../../database/schema.ts'
import { hashKey, isPlausibleKey } from '../../rules/keys/key-text.ts'
import { cleanEvidence, type Evidence, hasEnded } from '../../rules/leaks.ts'
import type { Policy } from '../../rules/policy.ts'
import { Refusal } from '../../rules/refusals.ts'
import { LIVE_ITEM_STATUSES } from '../../rules/rotations/rotation-lifecycle.ts'
import { nextRef } from '../filing/insert.ts'
import { BY_DESK } from '../record.ts'
import { fileForLeak } from './file.ts'
import { giveWay, type Live } from './give-way.ts'
import { respond } from './respond.ts'
import { tellOfLeak } from './tell.ts'

/** What somebody says they found: the text of a key, where, and a link to it. */
export type Finding = { key: string; source: string; url?: string | undefined }
/** `rotationRef` null: the key is none of this desk's, or what was found had stopped working before. */
export type Handled = { known: boolean; rotationRef: string | null }

type Leak = {
  version: VersionRow
  key: KeyInService
  owner: Owner | undefined
  live: Live | null
  versions: VersionRow[]
}

/** The live rotation that the key is in, if any, by a look that only the key's lock makes certain. */
async function findLiveRef(trx: Trx, keyId: string): Promise<string | null> {
  const query = trx.selectFrom('item').select('rotationRef').where('keyId', '=', keyId)
  const row = await query.where('status', 'in', LIVE_ITEM_STATUSES).executeTakeFirst()
  return row?.rotationRef ?? null
}

async function lockLive(trx: Trx, ref: string, keyId: string): Promise<Live | null> {
  const rotation = await lockRotation(trx, ref, null)
  const live: readonly string[] = LIVE_ITEM_STATUSES
  const item = (await lockItems(trx, ref)).find((each) => each.keyId === keyId && live.includes(each.status))
  return item === undefined ? null : { rotation, item }
}

/** Everything that a report may change, locked. Null when the key went into another rotation meanwhile, or out of one. */
async function lockLeak(trx: Trx, leaked: LeakedVersion): Promise<Leak | null> {
  const owner = await lockFirstOwner(trx, leaked.organisationId)
  const ref = await findLiveRef(trx, leaked.keyId)
  const live = ref === null ? null : await lockLive(trx, ref, leaked.keyId)
  const [key] = await lockKeys(trx, [leaked.keyId])
  const versions = await lockVersions(trx, [leaked.keyId])
  const version = versions.find(({ id }) => id === leaked.versionId)
  if (key === undefined || version === undefined) return null
  const same = (await findLiveRef(trx, leaked.keyId)) === (live?.rotation.ref ?? null)
  return same ? { version, key, owner, live, versions } : null
}

/** Whether the live rotation is about this leak already, so that it is followed rather than replaced. */
function isUnderWay({ live, version }: Leak): boolean {
  return live !== null && live.rotation.reason === 'compromised' && live.item.newVersionId !== version.id
}

async function openRotation(
  trx: Trx,
  leak: Leak,
  owner: Owner,
  { policy, evidence, at }: { policy: Policy; evidence: Evidence; at: Date },
): Promise<string> {
  const { key, live, version, versions } = leak
  const ref = await nextRef(trx)
  const leaked = { versionId: version.id, response: policy.leakResponse }
  const replaced = live !== null && (await giveWay(trx, live, versions, { ref, leaked, at })).closed
  const replaces = replaced ? live?.rotation.ref : undefined
  await fileForLeak(trx, { ref, owner, key, policy, evidence, replaces, at })
  return ref
}

/** The rotation that sees to a leaked version that still works: the one under way, or a new one. Null where nobody can be asked for one. */
async function carryOut(
  trx: Trx,
  leak: Leak,
  { policy, evidence, at }: { policy: Policy; evidence: Evidence; at: Date },
): Promise<string | null> {
  const { key, owner, live, version } = leak
  const response = policy.leakResponse
  if (live !== null && isUnderWay(leak)) {
    await respond(trx, version, { response, live, at })
    return live.rotation.ref
  }
  // a disabled key is refused as it is, and would only be skipped
  const ref =
    owner === undefined || !key.enabled ? null : await openRotation(trx, leak, owner, { policy, evidence, at })
  const [now] = await trx.selectFrom('version').selectAll().where('id', '=', version.id).execute()
  if (now !== undefined && !hasEnded(now, at))
    await respond(trx, now, { response, live: ref === null ? live : null, at })
  return ref
}

async function findKnown(trx: Trx, versionId: string, { source, url }: Evidence) {
  const known = trx.selectFrom('leakReport').select('rotationRef').where('versionId', '=', versionId)
  return known.where('source', '=', source).where('url', '=', url).executeTakeFirst()
}

/** One report, in one transaction; null when it has to be tried again. */
async function handle(db: Db, leaked: LeakedVersion, evidence: Evidence): Promise<Handled | null> {
  return db.transaction().execute(async (trx) => {
    const leak = await lockLeak(trx, leaked)
    if (leak === null) return null
    const known = await findKnown(trx, leaked.versionId, evidence)
    if (known !== undefined) return { known: true, rotationRef: known.rotationRef }
    const at = await clock(trx)
    const { key, version } = leak
    const policy = (await findPolicies(trx, [key.serviceId])).get(key.serviceId)
    if (policy === undefined) throw new Error('a service without a policy')
    const over = hasEnded(version, at) || key.deletedAt !== null || key.serviceDeletedAt !== null
    const ref = over ? null : await carryOut(trx, leak, { policy, evidence, at })
    const response = over ? 'tell' : policy.leakResponse
    const id = newId('leakReport')
    const { organisationId } = key
    const row = { id, versionId: version.id, organisationId, ...evidence, receivedAt: at, response, rotationRef: ref }
    await trx.insertInto('leakReport').values(row).execute()
    await tellOfLeak(trx, { key, version, response: over ? null : response, ref, at })
    const about = ref === null ? {} : { rotation: ref }
    const facts = { report: id, version: version.id, key: key.id, response: over ? 'none' : response }
    await recordAudit(trx, organisationId, at, { action: 'leak.report', actor: BY_DESK, ...about, facts })
    return { known: true, rotationRef: ref }
  })
}

const TRIES = 5

async function handleAtLast(db: Db, leaked: LeakedVersion, evidence: Evidence): Promise<Handled> {
  for (let tries = 1; ; tries += 1) {
    try {
      const handled = await handle(db, leaked, evidence)
      if (handled !== null) return handled
    } catch (error) {
      const overtaken = error instanceof Refusal && error.code === 'ROTATION_IN_PROGRESS'
      if (!overtaken) throw error
    }
    if (tries === TRIES) throw new Refusal('UNAVAILABLE')
  }
}

/**
 * Takes reports of keys that were found where they shouldn't be, each in a transaction of its own, and answers for each in turn. Of a
 * version that still works one compromised rotation is opened, or the one under way followed, and the policy's response carried out; of
 * one that is over, and of a key that is deleted, people are only told. The same report again changes nothing. Keys of nobody's leave no trace.
 */
export async function reportLeaks(db: Db, prefix: string, findings: readonly Finding[]): Promise<Handled[]> {
  const plausible = findings.filter(({ key }) => isPlausibleKey(prefix, key))
  const leaked = await findLeakedVersions(
    db,
    plausible.map(({ key }) => hashKey(key)),
  )
  const byHash = new Map(leaked.map((version) => [version.hash, version]))
  const handled: Handled[] = []
  for (const finding of findings) {
    const found = byHash.get(hashKey(finding.key).toString('hex'))
    const unknown = { known: false, rotationRef: null }
    handled.push(found === undefined ? unknown : await handleAtLast(db, found, cleanEvidence(finding.key, finding)))
  }
  return handled
}
