import { sql } from 'kysely'
import { isAccepted } from '../../rules/keys/verdict.ts'
import type { Db } from '../connect.ts'

/** One secret of a key as people see it. */
export type VersionView = {
  id: string
  keyId: string
  last4: string
  createdAt: Date
  /** Before it verify refuses the version. */
  activeFrom: Date
  acceptedUntil: Date | null
  /** The end it has by itself, whatever rotation it is in. */
  ownEnd: Date | null
  revokedAt: Date | null
  rolledBackAt: Date | null
  revealedAt: Date | null
  lastUsedAt: Date | null
  lastNetwork: string | null
  revealedBy: string | null
  /** What is still to end its predecessor sooner, and the seconds that this one has left then; null where nothing is. */
  clockStarts: 'on_first_use' | 'on_pickup' | null
  clockSeconds: number | null
  /** Whether its secret still waits for the one reveal. */
  sealed: boolean
  /** Whether its secret still waits as an age file. */
  ageFile: boolean
  /** To whom it was encrypted, where it was. */
  ageRecipient: string | null
  /** When its age file was first fetched. */
  fetchedAt: Date | null
  acknowledgedAt: Date | null
  acknowledgedBy: string | null
  /** The rotation that made it, where it is picked up too; null for one that none made. */
  madeIn: string | null
  /** Whether somebody has its secret: it was revealed, or its age file acknowledged. */
  pickedUp: boolean
  /** The SHA-256 (hex) of its text, which whoever holds it can make too. */
  fingerprint: string
  /** Whether verify accepts it right now, by the database's clock. */
  accepted: boolean
}

/** Whether nobody has picked its secret up yet, neither by a reveal nor by acknowledging the age file. */
export function waitsForPickUp(version: Pick<VersionView, 'sealed' | 'ageFile'>): boolean {
  return version.sealed || version.ageFile
}

/** These versions, by their own id or by their key's, the newest first. */
export async function findVersions(db: Db, by: 'id' | 'keyId', ids: readonly string[]): Promise<VersionView[]> {
  if (ids.length === 0) return []
  const rows = await db
    .selectFrom('version')
    .innerJoin('key', 'key.id', 'version.keyId')
    .leftJoin('versionUse', 'versionUse.versionId', 'version.id')
    .leftJoin('person', 'person.id', 'version.revealedBy')
    .leftJoin('person as receiver', 'receiver.id', 'version.acknowledgedBy')
    .select(['version.id', 'version.keyId', 'version.last4', 'version.createdAt', 'version.acceptedUntil'])
    .select(['version.revokedAt', 'version.rolledBackAt', 'version.revealedAt', 'version.ownEnd'])
    .select(['version.activeFrom', 'version.revokeFrom', 'version.clockStarts', 'version.clockSeconds', 'key.enabled'])
    .select(['versionUse.lastUsedAt', 'versionUse.lastNetwork', 'person.name as revealedBy'])
    .select(['version.ageRecipient', 'version.fetchedAt', 'version.acknowledgedAt', 'receiver.name as acknowledgedBy'])
    .select((is) =>
      is
        .selectFrom('item')
        .select('item.rotationRef')
        .whereRef('item.keyId', '=', 'version.keyId')
        .whereRef('item.newVersionId', '=', 'version.id')
        .limit(1)
        .as('madeIn'),
    )
    .select(sql<boolean>`version.sealed is not null`.as('sealed'))
    .select(sql<boolean>`version.age_file is not null`.as('ageFile'))
    .select(sql<string>`encode(version.hash, 'hex')`.as('fingerprint'))
    .select(sql<Date>`clock_timestamp()`.as('now'))
    .where(sql<boolean>`${sql.ref(`version.${by}`)} = any (${ids}::text[])`)
    .orderBy('version.createdAt', 'desc')
    .orderBy('version.id', 'desc')
    .execute()
  return rows.map(({ revokeFrom, enabled, now, ...version }) => ({
    ...version,
    accepted: enabled && isAccepted({ ...version, revokeFrom }, now),
    pickedUp: version.revealedAt !== null || version.acknowledgedAt !== null,
  }))
}
