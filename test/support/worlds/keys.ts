import type { Pool } from 'pg'
import type { Db } from '../../../src/database/connect.ts'
import { findKey } from '../../../src/database/keys/services.ts'
import { createWebhookEndpoint } from '../../../src/desk/webhooks/endpoints.ts'
import { createGateway } from '../../../src/keyring/gateways.ts'
import { createKey, type NewKey } from '../../../src/keyring/keys/create.ts'
import { revealVersion } from '../../../src/keyring/reveal.ts'
import { verifyKey } from '../../../src/keyring/verify.ts'
import type { PersonActor } from '../../../src/rules/permissions.ts'
import { type DeskWorld, maker } from './desk-world.ts'

/** What keys are looked at with: a gateway that asks, and an endpoint that hears. */
export async function openKeyring({ db, pool }: { db: Db; pool: Pool }, world: DeskWorld) {
  const gateway = await createGateway(db, world.admin, { name: 'Everywhere' })
  const parts = { db, sealer: maker.sealer, checkWebhookUrl: async (url: string) => url }
  await createWebhookEndpoint(parts, world.owner, { url: 'https://hooks.example.com/' })
  const verifier = { pool, prefix: 'rk', recordUse: () => {} }
  const ask = async (key: string, demand = {}) => (await verifyKey(verifier, gateway.token, { key, ...demand })).code
  return { ask }
}

/** A key of a service with its secret, picked up as its owner would. */
export async function newKey(db: Db, owner: PersonActor, serviceId: string, key: Partial<NewKey> = {}) {
  const whole = { kind: 'auth', name: 'Ledger', permission: 'read_write', ...key } as const
  const made = await createKey(db, maker, owner, serviceId, whole)
  return { ...made, ...(await revealVersion(db, maker.sealer, owner, made.versionId)) }
}

export async function readKey(db: Db, keyId: string) {
  const found = await findKey(db, { organisationId: null }, keyId)
  if (found === undefined) throw new Error('there is no such key')
  return found.key
}

/** Who was mailed which notice about this path, and what the letters list. */
export async function noticesAbout(db: Db, path: string) {
  const rows = await db.selectFrom('letter').select(['toName', 'facts']).where('kind', '=', 'security-notice').execute()
  return rows
    .filter(({ facts }) => facts.path === path)
    .map(({ toName, facts }) => ({ to: toName, notice: facts.notice, about: facts.about, details: facts.details }))
    .toSorted((a, b) => a.to.localeCompare(b.to))
}

/** What endpoints were told of a key, in order. */
export async function eventsOf(db: Db, keyId: string): Promise<{ type: string; data: Record<string, unknown> }[]> {
  const rows = await db.selectFrom('webhookEvent').select('body').orderBy('id').execute()
  return rows
    .map(({ body }) => JSON.parse(body))
    .filter(({ type, data }) => /^key\./.test(type) && data.keyId === keyId)
}

/** What stands in the audit trail about a key, in order. */
export async function recordedOf(db: Db, keyId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('auditEntry')
    .select(['action', 'body'])
    .orderBy('chain')
    .orderBy('sequence')
    .execute()
  return rows.filter(({ body }) => JSON.parse(body).key === keyId).map(({ action }) => action)
}
