import type { Selectable } from 'kysely'
import { OPEN_RECOVERY_STATUSES, type RecoveryStatus } from '../../rules/recovery.ts'
import { keyInService } from '../../rules/text/words.ts'
import type { Db, Trx } from '../connect.ts'
import type { Database } from '../schema.ts'

export type RecoveryRow = Selectable<Database['recoveryCase']>

/** Locks a recovery case: of a confirmation, an objection and carrying it out one comes first. */
export async function lockRecoveryCase(trx: Trx, id: string): Promise<RecoveryRow | undefined> {
  return trx.selectFrom('recoveryCase').selectAll().where('id', '=', id).forNoKeyUpdate().executeTakeFirst()
}

/** With the names of those who had a hand in it; `organisation` is null for the staff. */
export type RecoveryView = RecoveryRow & {
  organisation: string | null
  openerName: string | null
  confirmerName: string | null
  closerName: string | null
}

function selectCases(db: Db) {
  return db
    .selectFrom('recoveryCase')
    .leftJoin('organisation', 'organisation.id', 'recoveryCase.organisationId')
    .leftJoin('person as opener', 'opener.id', 'recoveryCase.openedBy')
    .leftJoin('person as confirmer', 'confirmer.id', 'recoveryCase.confirmedBy')
    .leftJoin('person as closer', 'closer.id', 'recoveryCase.closedBy')
    .selectAll('recoveryCase')
    .select(['organisation.name as organisation', 'opener.name as openerName'])
    .select(['confirmer.name as confirmerName', 'closer.name as closerName'])
}

/** A case, for the staff (null) or for the members of its organisation. */
export async function findRecoveryCase(
  db: Db,
  viewer: { organisationId: string | null },
  id: string,
): Promise<RecoveryView | undefined> {
  const found = await selectCases(db).where('recoveryCase.id', '=', id).executeTakeFirst()
  const isTheirs = viewer.organisationId === null || found?.organisationId === viewer.organisationId
  return isTheirs ? found : undefined
}

/** Cases that are open or that ended, the newest first; of one organisation where it is given. */
export async function findRecoveryCases(
  db: Db,
  filter: { open: boolean; organisationId?: string; limit: number },
): Promise<RecoveryView[]> {
  const open: readonly RecoveryStatus[] = OPEN_RECOVERY_STATUSES
  let query = selectCases(db).where('recoveryCase.status', filter.open ? 'in' : 'not in', open)
  if (filter.organisationId !== undefined) {
    query = query.where('recoveryCase.organisationId', '=', filter.organisationId)
  }
  return query.orderBy('recoveryCase.createdAt', 'desc').orderBy('recoveryCase.id').limit(filter.limit).execute()
}

/** How many cases wait for somebody of the staff. */
export async function countOpenRecoveryCases(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom('recoveryCase')
    .select((is) => is.fn.countAll<string>().as('count'))
    .where('status', 'in', OPEN_RECOVERY_STATUSES)
    .executeTakeFirstOrThrow()
  return Number(count)
}

export type StopView = { at: Date; who: string; reason: string; keys: string[] }

/** What was stopped at once within a case, the earliest first. */
export async function findEmergencyStops(db: Db, caseId: string): Promise<StopView[]> {
  const rows = await db
    .selectFrom('emergencyStop')
    .innerJoin('person', 'person.id', 'emergencyStop.by')
    .innerJoin('key', 'key.id', 'emergencyStop.keyId')
    .innerJoin('service', 'service.id', 'key.serviceId')
    .select(['emergencyStop.at', 'emergencyStop.reason', 'person.name as who'])
    .select(['key.kind', 'key.name', 'service.name as service', 'service.environment'])
    .where('recoveryCaseId', '=', caseId)
    .orderBy('emergencyStop.at')
    .orderBy('emergencyStop.keyId')
    .execute()
  const stops = Map.groupBy(rows, ({ at }) => at.getTime())
  return [...stops.values()].flatMap((together) => {
    const [first] = together
    return first === undefined ? [] : [{ ...first, keys: together.map(keyInService) }]
  })
}
