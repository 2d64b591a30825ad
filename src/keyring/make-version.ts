import { randomBytes } from 'node:crypto'
import type { Trx } from '../database/connect.ts'
import { newId } from '../database/ids.ts'
import { type Environment, hashKey, type KeyKind, makeKeyText } from '../rules/keys/key-text.ts'
import type { Sealer } from '../secrets/sealing.ts'

/** What new keys are made with. */
export type KeyMaker = { prefix: string; sealer: Sealer }

type VersionOwner = { id: string; organisationId: string; kind: KeyKind; environment: Environment }

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

/** Makes a version whose secret exists only sealed, until it is revealed once. It ends when `ownEnd` says, or never. */
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
  const { sealed, keyId: sealedKeyId } = maker.sealer.seal(text, versionBinding(key.organisationId, key.id, id))
  const last4 = text.slice(-4)
  await trx
    .insertInto('version')
    .values({
      id,
      keyId: key.id,
      organisationId: key.organisationId,
      hash: hashKey(text),
      last4,
      createdAt: at,
      activeFrom: at,
      ...beginning,
      acceptedUntil: ownEnd,
      ownEnd,
      sealed,
      sealedKeyId,
    })
    .execute()
  return { id, last4 }
}
