import { clock, type Db, type Trx } from '../../database/connect.ts'
import {
  claimKeyWithNewNetworks,
  claimKeyWithRefusals,
  countRefusals,
  findNetworkHistory,
  lockNewNetworks,
  lockNewRefusals,
  markWeighed,
  putOffWeighing,
  type WatchedKey,
} from '../../database/watch/unweighed.ts'
import { VERDICT_CODES } from '../../rules/keys/verdict.ts'
import { BURST_COUNT, BURST_MINUTES, isOddNetwork, isOfRetired } from '../../rules/watch/suspicion.ts'
import { raiseSuspicion } from './raise.ts'

const MINUTE_MILLISECONDS = 60_000

async function weighNetworks(trx: Trx, key: WatchedKey): Promise<void> {
  const fresh = await lockNewNetworks(trx, key.versionId)
  if (fresh.length === 0) return
  const { networks, ...history } = await findNetworkHistory(trx, key.id)
  const now = await clock(trx)
  for (const { network, firstUsedAt, lastUsedAt } of fresh) {
    if (networks.has(network)) continue
    if (isOddNetwork(firstUsedAt, key, history)) {
      await raiseSuspicion(
        trx,
        key,
        { kind: 'new_network', network, at: firstUsedAt, lastAt: lastUsedAt, count: 1 },
        now,
      )
    }
    networks.add(network)
    history.count += 1
    history.since ??= firstUsedAt
  }
  await trx
    .updateTable('versionNetwork')
    .set({ lookedAt: now })
    .where('versionId', '=', key.versionId)
    .where(
      'network',
      'in',
      fresh.map(({ network }) => network),
    )
    .execute()
}

type Refusals = Awaited<ReturnType<typeof lockNewRefusals>>

/** Of what is counted by the minute, the latest moment that it may have been: what was filed earlier in that minute is no answer to it. */
function endOfMinute(minute: number, now: Date): Date {
  return new Date(Math.min(minute + MINUTE_MILLISECONDS - 1, now.getTime()))
}

/** What was refused, put together: how often, between when, and from where mostly. */
function together(refusals: Refusals, now: Date) {
  const total = (rows: Refusals) => rows.reduce((sum, { fresh }) => sum + fresh, 0)
  const from = (name: string) => refusals.filter(({ network }) => network === name)
  const networks = [...new Set(refusals.map(({ network }) => network))]
  const [network = ''] = networks.toSorted((a, b) => total(from(b)) - total(from(a)))
  const times = refusals.map(({ minute }) => minute.getTime())
  return {
    network,
    count: total(refusals),
    at: endOfMinute(Math.min(...times), now),
    lastAt: endOfMinute(Math.max(...times), now),
  }
}

async function weighRetiredUse(trx: Trx, key: WatchedKey, refusals: Refusals, now: Date): Promise<void> {
  const networks = new Set(refusals.map(({ network }) => network))
  for (const network of networks) {
    const seen = together(
      refusals.filter((each) => each.network === network),
      now,
    )
    await raiseSuspicion(trx, key, { kind: 'retired_use', ...seen }, now)
  }
}

const OTHER_CODES = VERDICT_CODES.filter((code) => !isOfRetired(code))

async function weighBurst(trx: Trx, key: WatchedKey, refusals: Refusals, now: Date): Promise<void> {
  if (refusals.length === 0) return
  const seen = together(refusals, now)
  const from = new Date(seen.lastAt.getTime() - BURST_MINUTES * MINUTE_MILLISECONDS)
  const span = { versionId: key.versionId, codes: OTHER_CODES, from, until: seen.lastAt }
  const lately = await countRefusals(trx, span)
  if (lately < BURST_COUNT) return
  await raiseSuspicion(trx, key, { kind: 'refusals', ...seen }, now)
}

async function weighRefusals(trx: Trx, key: WatchedKey): Promise<void> {
  const refusals = await lockNewRefusals(trx, key.versionId)
  const now = await clock(trx)
  await weighRetiredUse(
    trx,
    key,
    refusals.filter(({ code }) => isOfRetired(code)),
    now,
  )
  await weighBurst(
    trx,
    key,
    refusals.filter(({ code }) => !isOfRetired(code)),
    now,
  )
  await markWeighed(trx, key.versionId, refusals)
}

/** Weighs one key that `claim` finds; false when it finds none. One that fails is put off. */
async function weighNext(
  db: Db,
  claim: (trx: Trx) => Promise<WatchedKey | undefined>,
  weigh: (trx: Trx, key: WatchedKey) => Promise<void>,
): Promise<boolean> {
  let claimed: string | null = null
  try {
    return await db.transaction().execute(async (trx) => {
      const key = await claim(trx)
      if (key === undefined) return false
      claimed = key.id
      await weigh(trx, key)
      return true
    })
  } catch (error) {
    if (claimed !== null) await putOffWeighing(db, claimed)
    throw error
  }
}

/**
 * Weighs the latest use of one key and raises what is suspicious about it: a network it was never used from, a burst of refusals, use of
 * a version whose time is over. False when there is nothing to weigh that nobody else has. Carried out twice, it raises nothing twice; a
 * key that fails is put off and holds up no other.
 */
export async function weighNextUse(db: Db): Promise<boolean> {
  const networks = await weighNext(db, claimKeyWithNewNetworks, weighNetworks)
  const refusals = await weighNext(db, claimKeyWithRefusals, weighRefusals)
  return networks || refusals
}
