import type { Trx } from '../../database/connect.ts'
import { findContacts, type PlacedPerson } from '../../database/people/memberships.ts'
import type { Notice } from '../../outbox/letters.ts'
import { putNotices } from '../../outbox/notices.ts'
import { placeOf } from '../members/told.ts'

type Told = { notice: Notice; who: string; at: Date }
type Concerned = { id: string; organisationId: string | null; name: string; email: string }

/**
 * Tells everybody of the organisation, whatever their role and whether or not they can sign in: whoever is impersonated has to hear
 * of it. For the staff everybody of the staff. Once per case and notice.
 */
export async function tellContacts(trx: Trx, recovery: Concerned, { notice, who, at }: Told): Promise<void> {
  const { organisationId, id } = recovery
  const { organisation } = await placeOf(trx, organisationId)
  const contacts: readonly PlacedPerson[] = await findContacts(trx, organisationId)
  const why = organisation === null ? 'you are on the staff of the desk' : `you belong to ${organisation}`
  const path = organisationId === null ? `/desk/recovery/${id}` : `/recovery/${id}`
  const about = `${recovery.name}, ${recovery.email}`
  await putNotices(
    trx,
    contacts.map((contact) => ({ ...contact, why })),
    { notice, key: id, organisation, who, about, path, at },
  )
}
