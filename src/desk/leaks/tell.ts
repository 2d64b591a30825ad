import type { Trx } from '../../database/connect.ts'
import type { KeyInService } from '../../database/rotations/locks.ts'
import { tellOwners } from '../../outbox/notices.ts'
import type { LeakResponse } from '../../rules/policy.ts'
import { keyInService } from '../../rules/text/words.ts'

type Told = {
  key: KeyInService
  version: { id: string; last4: string }
  /** Null: it was over already, so that nothing was done. */
  response: LeakResponse | null
  ref: string | null
  at: Date
}

const DONE = {
  tell: 'It is accepted until it is replaced.',
  shorten: 'It stops within 24 hours.',
  disable: 'It is refused from now on.',
} as const satisfies Record<LeakResponse, string>

function noteOf({ response, ref, version }: Told): string {
  const which = `The version that ends in ${version.last4} was found.`
  if (response === null) return `${which} It had stopped working before, so there is nothing to do.`
  const filed = ref === null ? '' : ` ${ref} replaces the key; follow it there.`
  return `${which} ${DONE[response]}${filed}`
}

/** Tells the owners once of a leaked version and the rotation that it led to, however often and wherever it is found. */
export async function tellOfLeak(trx: Trx, told: Told): Promise<void> {
  const { key, version, ref, at } = told
  await tellOwners(trx, key.organisationId, {
    notice: 'key_leaked',
    key: `${version.id}/${ref ?? 'over'}`,
    who: null,
    about: keyInService({ ...key, service: key.serviceName }),
    note: noteOf(told),
    path: ref === null ? `/services/${key.serviceId}` : `/rotations/${ref}`,
    at,
  })
}
