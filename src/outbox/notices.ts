import type { Trx } from '../database/connect.ts'
import { findOrganisation } from '../database/people/organisations.ts'
import { findOwners } from '../database/people/owners.ts'
import { findMembers } from '../database/people/people.ts'
import type { Notice } from './kinds/account.ts'
import { putLetters } from './letters.ts'

export type NoticeReader = { personId: string; name: string; email: string; timeZone: string; why: string }

type NoticeFacts = {
  notice: Notice
  /** What makes it this one, such as the id of what was made or the time of a change. */
  key: string
  /** Null where it concerns no organisation. */
  organisation: string | null
  /** Who did it; null when nobody was signed in, or the desk itself did. */
  who: string | null
  /** Whom or what it was done to; empty when the reader. */
  about: string
  /** What was done about it or is best done now, in a sentence or two. */
  note?: string
  /** What exactly, line by line, where there is more to say; never a secret. */
  details?: string[]
  /** Path of the page that shows it. */
  path: string
  at: Date
}

/** Puts one security notice per reader into the outbox, inside the caller's transaction; repeated, it puts none twice. Nobody can switch these off. */
export async function putNotices(trx: Trx, readers: readonly NoticeReader[], facts: NoticeFacts): Promise<void> {
  const { key, at, ...shown } = facts
  const letters = readers.map((reader) => ({
    naturalKey: `notice/${facts.notice}/${key}/${reader.personId}`,
    kind: 'security-notice' as const,
    to: { name: reader.name, address: reader.email },
    facts: { ...shown, at: at.toISOString(), why: reader.why, timeZone: reader.timeZone },
    thread: null,
    at,
  }))
  await putLetters(trx, letters)
}

type FactsOfOrganisation = Omit<NoticeFacts, 'organisation'>
type Named = Omit<NoticeReader, 'why'>

async function tell(
  trx: Trx,
  organisationId: string,
  people: readonly Named[],
  why: string,
  facts: FactsOfOrganisation,
) {
  const organisation = (await findOrganisation(trx, organisationId))?.name ?? ''
  const readers = people.map((person) => ({ ...person, why: `${why} ${organisation}` }))
  await putNotices(trx, readers, { ...facts, organisation })
}

/** Tells everybody who may view the organisation's keys, as `putNotices` does. */
export async function tellMembers(trx: Trx, organisationId: string, facts: FactsOfOrganisation): Promise<void> {
  await tell(trx, organisationId, await findMembers(trx, organisationId), 'you may view the keys of', facts)
}

/** The same to its owners alone. */
export async function tellOwners(trx: Trx, organisationId: string, facts: FactsOfOrganisation): Promise<void> {
  await tell(trx, organisationId, await findOwners(trx, organisationId), 'you are an owner of', facts)
}
