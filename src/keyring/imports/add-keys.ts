import { sql } from 'kysely'
import type { Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import type { ImportedKey, ReadLine } from '../../rules/imports/lines.ts'
import { defaultPermission } from '../../rules/permissions.ts'
import { KIND_WORDS } from '../../rules/text/words.ts'

export type Wanted = { line: number; key: ImportedKey }
export type Problem = { line: number; problem: string }

/** The services that keys may be added to, held so that none is removed meanwhile. */
async function lockServices(trx: Trx, wanted: readonly Wanted[]): Promise<Map<string, string>> {
  const ids = [...new Set(wanted.map(({ key }) => key.serviceId))]
  if (ids.length === 0) return new Map()
  const rows = await trx
    .selectFrom('service')
    .select(['id', 'organisationId'])
    .where('id', 'in', ids)
    .where('deletedAt', 'is', null)
    .orderBy('id')
    .forShare()
    .execute()
  return new Map(rows.map((row) => [row.id, row.organisationId]))
}

/** The services of the hashes that the desk has already. */
async function findOwners(trx: Trx, wanted: readonly Wanted[]): Promise<Map<string, string>> {
  const hashes = wanted.map(({ key }) => Buffer.from(key.sha256, 'hex'))
  const rows = await trx
    .selectFrom('version')
    .innerJoin('key', 'key.id', 'version.keyId')
    .select('key.serviceId')
    .select(sql<string>`encode(version.hash, 'hex')`.as('hash'))
    .where(sql<boolean>`version.hash = any (${hashes}::bytea[])`)
    .execute()
  return new Map(rows.map((row) => [row.hash, row.serviceId]))
}

export type Sorted = { fresh: Wanted[]; known: number; problems: Problem[]; organisations: Map<string, string> }

/** Tells the lines apart: keys to be added, each once, keys that are there already, and what can't be added, line by line. */
export async function sortLines(trx: Trx, lines: readonly ReadLine[]): Promise<Sorted> {
  const wanted = lines.flatMap((read) => ('key' in read ? [{ line: read.line, key: read.key }] : []))
  const organisations = await lockServices(trx, wanted)
  const owners = await findOwners(trx, wanted)
  const problems = lines.flatMap((read) => ('problem' in read ? [{ line: read.line, problem: read.problem }] : []))
  const fresh: Wanted[] = []
  let known = 0
  for (const each of wanted) {
    const { serviceId, sha256 } = each.key
    const owner = owners.get(sha256)
    if (!organisations.has(serviceId)) problems.push({ line: each.line, problem: 'There is no such service.' })
    else if (owner === undefined) fresh.push(each)
    else if (owner === serviceId) known += 1
    else problems.push({ line: each.line, problem: 'This key is one of another service already.' })
    if (owner === undefined && organisations.has(serviceId)) owners.set(sha256, serviceId)
  }
  return { fresh, known, problems: problems.toSorted((a, b) => a.line - b.line), organisations }
}

/** Adds keys that exist elsewhere, each with the one version that is known by its hash alone. Answers those that it added. */
export async function addKeys(trx: Trx, { fresh, organisations }: Sorted, at: Date): Promise<Wanted[]> {
  if (fresh.length === 0) return []
  const rows = fresh.map((each) => ({
    ...each,
    id: newId('key'),
    organisationId: organisations.get(each.key.serviceId) ?? '',
  }))
  const keys = rows.map(({ id, organisationId, key }) => ({
    id,
    serviceId: key.serviceId,
    organisationId,
    kind: key.kind,
    name: key.name ?? KIND_WORDS[key.kind],
    permission: defaultPermission(key.kind),
    createdAt: at,
  }))
  await trx.insertInto('key').values(keys).execute()
  const versions = rows.map(({ id, organisationId, key }) => ({
    id: newId('version'),
    keyId: id,
    organisationId,
    hash: Buffer.from(key.sha256, 'hex'),
    last4: key.last4,
    createdAt: at,
    activeFrom: at,
    imported: true,
  }))
  const added = await trx
    .insertInto('version')
    // in one order, so that two imports of the same keys never wait for one another in a circle
    .values(versions.toSorted((a, b) => Buffer.compare(a.hash, b.hash)))
    .onConflict((conflict) => conflict.column('hash').doNothing())
    .returning('keyId')
    .execute()
  // another import was faster with the same hash
  const done = new Set(added.map(({ keyId }) => keyId))
  const left = rows.filter(({ id }) => !done.has(id)).map(({ id }) => id)
  if (left.length > 0) await trx.deleteFrom('key').where('id', 'in', left).execute()
  return rows.filter(({ id }) => done.has(id))
}
