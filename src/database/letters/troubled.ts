import type { Db } from '../connect.ts'

export type TroubledLetter = {
  id: string
  kind: string
  toAddress: string
  thread: string | null
  createdAt: Date
  attempts: number
  /** Null while it is still tried. */
  gaveUpAt: Date | null
  lastError: string | null
}

/** Letters that could not be sent, those given up first, then those still tried; never what they say. */
export async function findTroubledLetters(db: Db, limit: number): Promise<TroubledLetter[]> {
  return db
    .selectFrom('letter')
    .select(['id', 'kind', 'toAddress', 'thread', 'createdAt', 'attempts', 'gaveUpAt', 'lastError'])
    .where('sentAt', 'is', null)
    .where((is) => is.or([is('gaveUpAt', 'is not', null), is('nextAttemptAt', 'is not', null)]))
    .where('lastError', 'is not', null)
    .orderBy('gaveUpAt', (order) => order.desc().nullsLast())
    .orderBy('createdAt')
    .limit(limit)
    .execute()
}
