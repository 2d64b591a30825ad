import type { ColumnType, Generated } from 'kysely'
import type { Optional } from './columns.ts'

/** What a letter's template shows: texts, times as RFC 3339 strings, and lists of such records. */
export type LetterFacts = { [name: string]: string | number | boolean | null | LetterFacts[] }

/** What is to be told to people by mail, and to programs by webhook. */
export type OutboxTables = {
  letter: {
    id: string
    naturalKey: string
    kind: string
    toAddress: string
    toName: string
    facts: ColumnType<LetterFacts, string, string>
    messageId: string
    thread: string | null
    createdAt: Date
    nextAttemptAt: Optional<Date>
    attempts: Generated<number>
    sentAt: Optional<Date>
    gaveUpAt: Optional<Date>
    lastError: Optional<string>
  }
  workerSign: { one: Generated<boolean>; seenAt: Date }
  webhookEndpoint: {
    id: string
    organisationId: Optional<string>
    url: string
    events: Generated<string[]>
    createdBy: string
    createdAt: Date
    removedAt: Optional<Date>
    switchedOffAt: Optional<Date>
    switchedOffBecause: Optional<string>
    pausedUntil: Optional<Date>
  }
  webhookSecret: {
    id: string
    endpointId: string
    sealed: Buffer
    sealedKeyId: string
    createdAt: Date
    endsAt: Optional<Date>
  }
  webhookEvent: {
    id: string
    naturalKey: string
    organisationId: string
    type: string
    body: string
    createdAt: Date
  }
  webhookDelivery: {
    id: string
    eventId: string
    endpointId: string
    createdAt: Date
    nextAttemptAt: Optional<Date>
    heldUntil: Optional<Date>
    attempts: Generated<number>
    replayedAfter: Generated<number>
    deliveredAt: Optional<Date>
    gaveUpAt: Optional<Date>
  }
  webhookAttempt: {
    deliveryId: string
    number: number
    at: Date
    status: number | null
    milliseconds: number
    error: string | null
  }
}
