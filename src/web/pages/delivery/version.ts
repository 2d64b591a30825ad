import { findKeyOfVersion } from '../../../database/keys/services.ts'
import type { Action } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { keyWords } from '../../../rules/text/words.ts'
import { actorFor, bearerOf, type WebContext } from '../../context.ts'
import { shownTimeOrNull } from '../../shown/times.ts'

/** The version that the address names, with its key and service, for somebody who may do this with it. Refuses NOT_FOUND. */
export async function versionOf(c: WebContext, action: Action) {
  const actor = actorFor(c, action)
  const id = c.req.param('id') ?? ''
  const found = await findKeyOfVersion(c.get('desk').db, actor, id)
  const version = found?.key.versions.find((each) => each.id === id)
  if (found === undefined || version === undefined) throw new Refusal('NOT_FOUND')
  return { ...found, version, actor }
}
type Found = Awaited<ReturnType<typeof versionOf>>

/** What the pages about one version tell of it. */
export function versionFacts(c: WebContext, { key, service, version }: Found) {
  const { timeZone } = bearerOf(c)
  return {
    id: version.id,
    service: service.name,
    live: service.environment === 'live',
    keyName: key.name,
    kindWord: keyWords(key),
    keyHref: `/keys/${key.id}`,
    last4: version.last4,
    fingerprint: version.fingerprint,
    recipient: version.ageRecipient,
    fetchedAt: shownTimeOrNull(version.fetchedAt, timeZone),
    lastUsed: shownTimeOrNull(version.lastUsedAt, timeZone),
    network: version.lastNetwork,
  }
}
