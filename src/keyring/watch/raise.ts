import { recordAudit } from '../../database/audit/append.ts'
import type { Trx } from '../../database/connect.ts'
import { newId } from '../../database/ids.ts'
import type { WatchedKey } from '../../database/watch/unweighed.ts'
import { tellOwners } from '../../outbox/notices.ts'
import { keyInService } from '../../rules/text/words.ts'
import {
  MAIL_WINDOW_MILLISECONDS,
  mayMail,
  type Noticed,
  suspicionInWords,
  weigh,
} from '../../rules/watch/suspicion.ts'

/** Something odd about the use of a key: when it was seen first and last, and how often. */
type Seen = Omit<Noticed, 'versionId'> & { at: Date; lastAt: Date; count: number }

const REMEMBERED = 100

async function findRaised(trx: Trx, key: WatchedKey, { kind }: Seen) {
  return trx
    .selectFrom('suspicion')
    .select(['id', 'kind', 'versionId', 'network', 'dismissedAt'])
    .where('keyId', '=', key.id)
    .where('kind', '=', kind)
    .orderBy('at', 'desc')
    .limit(REMEMBERED)
    .execute()
}

/** The audit chain's head is held, so no other suspicion of the organisation is counted at the same time. */
async function countMailed(trx: Trx, key: WatchedKey, { kind }: Seen, now: Date) {
  const since = new Date(now.getTime() - MAIL_WINDOW_MILLISECONDS)
  const rows = await trx
    .selectFrom('suspicion')
    .select(['keyId', 'kind'])
    .where('organisationId', '=', key.organisationId)
    .where('mailed', '=', true)
    .where('at', '>', since)
    .execute()
  return {
    ofKeyAndKind: rows.filter((row) => row.keyId === key.id && row.kind === kind).length,
    ofOrganisation: rows.length,
  }
}

async function mailOwners(trx: Trx, key: WatchedKey, seen: Seen, id: string, now: Date): Promise<void> {
  if (!mayMail(await countMailed(trx, key, seen, now))) return
  const named = await trx
    .selectFrom('key')
    .innerJoin('service', 'service.id', 'key.serviceId')
    .select(['key.kind', 'key.name', 'service.name as service', 'service.environment'])
    .where('key.id', '=', key.id)
    .executeTakeFirstOrThrow()
  const about = `${keyInService(named)}: ${suspicionInWords(seen)}`
  const path = `/suspicions/${id}`
  const told = { notice: 'suspicious_use', key: id, who: null, about, path, at: now } as const
  await tellOwners(trx, key.organisationId, told)
  await trx.updateTable('suspicion').set({ mailed: true }).where('id', '=', id).execute()
}

/**
 * Raises a suspicion about a key that the caller holds, once: what goes on is counted with it, and what was dismissed stays so. Its owners
 * are mailed, but for those who were about this key and kind, or about many, within a day.
 */
export async function raiseSuspicion(trx: Trx, key: WatchedKey, seen: Seen, now: Date): Promise<void> {
  const { kind, network, at, lastAt, count } = seen
  const { versionId, organisationId } = key
  const decision = weigh({ kind, network, versionId }, await findRaised(trx, key, seen), now)
  if (decision.do === 'nothing') return
  if (decision.do === 'add') {
    const more = trx.updateTable('suspicion').where('id', '=', decision.id)
    await more
      .set((known) => ({
        count: known('count', '+', count),
        lastAt: known.fn('greatest', ['lastAt', known.val(lastAt)]),
      }))
      .execute()
    return
  }
  const id = newId('suspicion')
  const where = kind === 'refusals' ? '' : network
  const naturalKey = `${kind}/${versionId}/${where}/${now.toISOString().slice(0, 10)}`
  const row = { id, organisationId, keyId: key.id, versionId, kind, network, count, at, lastAt, naturalKey }
  const made = trx
    .insertInto('suspicion')
    .values(row)
    .onConflict((conflict) => conflict.column('naturalKey').doNothing())
  const { numInsertedOrUpdatedRows } = await made.executeTakeFirstOrThrow()
  if (numInsertedOrUpdatedRows === 0n) return
  const facts = { suspicion: id, key: key.id, version: versionId, kind, network }
  await recordAudit(trx, organisationId, now, { action: 'suspicion.raise', actor: { kind: 'desk' }, facts })
  await mailOwners(trx, key, seen, id, now)
}
