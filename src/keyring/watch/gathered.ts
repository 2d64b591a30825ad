import type { NetworkUse, PermissionUse, RefusedUses, Use } from '../../database/watch/merge.ts'
import type { Permission, VerdictCode } from '../../rules/keys/verdict.ts'
import { sourceNetworkOf } from '../../rules/networks.ts'

/** What verify answered about a version that is known, at a moment of the database's clock. */
export type Seen = {
  keyId: string
  versionId: string
  code: VerdictCode
  at: Date
  /** The end client's address, where the gateway told one. */
  ip: string | null
  /** What the gateway asked for, where it did. */
  permission: Permission | null
}

/** While the database is away the memory stays bounded: beyond this many rows of a kind, new ones are not kept. */
const MAX_KEPT = 100_000
/** Beyond this many rows refusals are still counted, but without their network: a flood must not fill the table. */
const MAX_REFUSED_BY_NETWORK = 2_000
const MINUTE_MILLISECONDS = 60_000

export type Gathered = {
  uses: Map<string, Use>
  networks: Map<string, NetworkUse>
  permissions: Map<string, PermissionUse>
  refused: Map<string, RefusedUses>
}

export function nothingGathered(): Gathered {
  return { uses: new Map(), networks: new Map(), permissions: new Map(), refused: new Map() }
}

export function sizeOf(gathered: Gathered): number {
  return Object.values(gathered).reduce((sum, { size }) => sum + size, 0)
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b
}

/** Joins a row to the one that stands in its place, if one does; a new one is kept while there is room. */
function put<Row>(rows: Map<string, Row>, place: string, row: Row, join: (known: Row, row: Row) => Row): void {
  const known = rows.get(place)
  if (known !== undefined) rows.set(place, join(known, row))
  else if (rows.size < MAX_KEPT) rows.set(place, row)
}

function putUse({ uses }: Gathered, use: Use): void {
  put(uses, use.versionId, use, (known, row) => ({
    versionId: row.versionId,
    firstUsedAt: earlier(known.firstUsedAt, row.firstUsedAt),
    lastUsedAt: later(known.lastUsedAt, row.lastUsedAt),
    lastNetwork:
      row.lastUsedAt >= known.lastUsedAt
        ? (row.lastNetwork ?? known.lastNetwork)
        : (known.lastNetwork ?? row.lastNetwork),
  }))
}

function putNetwork({ networks }: Gathered, use: NetworkUse): void {
  put(networks, `${use.versionId} ${use.network}`, use, (known, row) => ({
    ...row,
    firstUsedAt: earlier(known.firstUsedAt, row.firstUsedAt),
    lastUsedAt: later(known.lastUsedAt, row.lastUsedAt),
  }))
}

function putPermission({ permissions }: Gathered, use: PermissionUse): void {
  put(permissions, `${use.keyId} ${use.permission}`, use, (known, row) => ({
    ...row,
    lastUsedAt: later(known.lastUsedAt, row.lastUsedAt),
  }))
}

function putRefused({ refused }: Gathered, use: RefusedUses): void {
  const placeOf = (network: string) => `${use.versionId} ${use.minute.getTime()} ${use.code} ${network}`
  const full = refused.size >= MAX_REFUSED_BY_NETWORK && !refused.has(placeOf(use.network))
  const row = full ? { ...use, network: '' } : use
  put(refused, placeOf(row.network), row, (known, row) => ({ ...row, count: known.count + row.count }))
}

/** Adds one answer of verify: a use, or a refused one. */
export function gather(gathered: Gathered, { keyId, versionId, code, at, ip, permission }: Seen): void {
  const network = ip === null ? null : sourceNetworkOf(ip)
  if (code !== 'VALID') {
    const minute = new Date(Math.floor(at.getTime() / MINUTE_MILLISECONDS) * MINUTE_MILLISECONDS)
    putRefused(gathered, { versionId, code, network: network ?? '', minute, count: 1 })
    return
  }
  putUse(gathered, { versionId, firstUsedAt: at, lastUsedAt: at, lastNetwork: ip })
  if (network !== null) putNetwork(gathered, { versionId, network, firstUsedAt: at, lastUsedAt: at })
  if (permission !== null) putPermission(gathered, { keyId, permission, lastUsedAt: at })
}

/** Adds all that was gathered elsewhere or before. */
export function gatherAll(gathered: Gathered, more: Gathered): void {
  for (const use of more.uses.values()) putUse(gathered, use)
  for (const use of more.networks.values()) putNetwork(gathered, use)
  for (const use of more.permissions.values()) putPermission(gathered, use)
  for (const use of more.refused.values()) putRefused(gathered, use)
}
