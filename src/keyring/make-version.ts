import { randomBytes } from 'node:crypto'
import type { Trx } from '../database/connect.ts'
import { newId } from '../database/ids.ts'
import { type Environment, hashKey, type KeyKind, makeKeyText } from '../rules/keys/key-text.ts'
import { encryptTo } from '../secrets/age.ts'
import type { Sealer } from '../secrets/sealing.ts'

/** What new keys are made with. */
export type KeyMaker = { prefix: string; sealer: Sealer }

type VersionOwner = { id: string; organisationId: string; kind: KeyKind; environment: Environment }

/** What is left of a version's secret once nobody may have it any more. */
export const NO_SECRET = { sealed: null, sealedKeyId: null, ageFile: null } as const

/** What a version's secret is sealed to, so that it opens on no other row. */
export function versionBinding(organisationId: string, keyId: string, versionId: string): string {
  return `${organisationId}|${keyId}|${versionId}`
}

/** When a version begins to work, and what starts the clock that ends its predecessor sooner; at once and nothing, left out. */
export type Beginning = {
  activeFrom?: Date
  clockStarts?: 'on_first_use' | 'on_pickup'
  clockSeconds?: number
}

/**
 * To whom the key's service has its new secrets encrypted. The service is held, so that a change of it counts for every version that is made
 * after its answer; whoever holds the key holds it already.
 */
async function findRecipient(trx: Trx, keyId: string): Promise<string | null> {
  const service = await trx
    .selectFrom('service')
    .select('ageRecipient')
    .where('id', '=', (key) => key.selectFrom('key').select('serviceId').where('id', '=', keyId))
    .forShare()
    .executeTakeFirstOrThrow()
  return service.ageRecipient
}

/** The secret as it is kept: encrypted to the service's recipient and in no other way, or else sealed with the master key. */
async function keepSecret(trx: Trx, maker: KeyMaker, key: VersionOwner, id: string, text: string) {
  const ageRecipient = await findRecipient(trx, key.id)
  if (ageRecipient !== null) return { ageRecipient, ageFile: await encryptTo(ageRecipient, text) }
  const { sealed, keyId: sealedKeyId } = maker.sealer.seal(text, versionBinding(key.organisationId, key.id, id))
  return { sealed, sealedKeyId }
}

/**
 * Makes a version whose secret exists only sealed until it is revealed once, or, where the service names an age recipient, only as an age
 * file until that is acknowledged. It ends when `ownEnd` says, or never. Call it with the key locked, or made in the same transaction.
 */
export async function makeVersion(
  trx: Trx,
  maker: KeyMaker,
  key: VersionOwner,
  at: Date,
  ownEnd: Date | null,
  beginning: Beginning = {},
): Promise<{ id: string; last4: string }> {
  const id = newId('version')
  const text = makeKeyText(maker.prefix, key.kind, key.environment, randomBytes)
  const kept = await keepSecret(trx, maker, key, id, text)
  const last4 = text.slice(-4)
  const life = { createdAt: at, activeFrom: at, acceptedUntil: ownEnd, ownEnd, ...beginning }
  await trx
    .insertInto('version')
    .values({ id, keyId: key.id, organisationId: key.organisationId, hash: hashKey(text), last4, ...life, ...kept })
    .execute()
  return { id, last4 }
}
