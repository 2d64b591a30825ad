import type { Trx } from '../../database/connect.ts'
import { findOrganisation } from '../../database/people/organisations.ts'
import { findMembers } from '../../database/people/people.ts'
import { putNotices } from '../../outbox/notices.ts'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import { KIND_WORDS } from '../../rules/text/words.ts'

type Told = Omit<Parameters<typeof putNotices>[2], 'organisation'>

/** A key as notices name it: its kind and name, and where it belongs. */
export function keyInWords(key: {
  kind: KeyKind
  name: string
  serviceName: string
  environment: Environment
}): string {
  const kind = KIND_WORDS[key.kind]
  const named = key.name === kind ? kind : `${kind} “${key.name}”`
  return `${named} of ${key.serviceName} (${key.environment})`
}

/** Tells everybody who may view the organisation's keys. */
export async function tellMembers(trx: Trx, organisationId: string, told: Told): Promise<void> {
  const organisation = (await findOrganisation(trx, organisationId))?.name ?? ''
  const members = await findMembers(trx, organisationId)
  const readers = members.map((person) => ({ ...person, why: `you may view the keys of ${organisation}` }))
  await putNotices(trx, readers, { ...told, organisation })
}
