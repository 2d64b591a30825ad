import type { Trx } from '../database/connect.ts'
import { findRotationFacts } from '../database/letters/facts.ts'
import { type EnrolledPerson, findMembers, findStaff } from '../database/people/people.ts'
import type { ItemRow, RotationRow } from '../database/schema.ts'
import { putLetters, type RotationLetterKind } from '../outbox/letters.ts'
import { mayDecide } from '../rules/rotations/approvals.ts'

/** `owners` means the requester and every owner; `members` everybody who may view the keys; `agents` those who may decide. */
type Audience = 'requester' | 'owners' | 'members' | 'agents'

type Occasion = {
  kind: RotationLetterKind
  audience: Audience
  /** The name of who did it; null when the desk itself did, at its due time. */
  who: string | null
  at: Date
  /** A reason or message that goes along. */
  note?: string
  decideBy?: Date
  /** Tells two letters of one kind about one rotation apart, such as the follow-up's id. */
  distinction?: string
  items: readonly ItemRow[]
}

type Addressee = EnrolledPerson & { why: string }

function whyMember(person: EnrolledPerson, rotation: RotationRow, organisation: string): string {
  if (person.personId === rotation.requesterId) return 'you requested this rotation'
  return person.role === 'owner' ? `you are an owner of ${organisation}` : `you may view the keys of ${organisation}`
}

async function findAddressees(trx: Trx, rotation: RotationRow, audience: Audience, name: string): Promise<Addressee[]> {
  if (audience === 'agents') {
    const staff = await findStaff(trx)
    const eligible = staff.filter((person) =>
      mayDecide(
        {
          id: person.personId,
          staffRole: person.role === 'admin' ? 'admin' : 'agent',
          organisationIds: person.organisationIds,
        },
        rotation,
      ),
    )
    return eligible.map((person) => ({ ...person, why: 'you are on the support staff and may decide it' }))
  }
  const members = await findMembers(trx, rotation.organisationId)
  const wanted = members.filter(
    (person) =>
      audience === 'members' ||
      person.personId === rotation.requesterId ||
      (audience === 'owners' && person.role === 'owner'),
  )
  return wanted.map((person) => ({ ...person, why: whyMember(person, rotation, name) }))
}

/** Puts one letter per addressee into the outbox, as part of the caller's transaction; repeated, it puts none twice. */
export async function putRotationLetters(trx: Trx, rotation: RotationRow, occasion: Occasion): Promise<void> {
  const facts = await findRotationFacts(trx, rotation, occasion.items)
  const addressees = await findAddressees(trx, rotation, occasion.audience, facts.organisation)
  const distinction = occasion.distinction ?? String(rotation.revision)
  const letters = addressees.map((person) => ({
    naturalKey: `${rotation.ref}/${occasion.kind}/${distinction}/${person.personId}`,
    kind: occasion.kind,
    to: { name: person.name, address: person.email },
    facts: {
      ...facts,
      who: occasion.who,
      at: occasion.at.toISOString(),
      note: occasion.note ?? '',
      decideBy: occasion.decideBy?.toISOString() ?? null,
      why: person.why,
      timeZone: person.timeZone,
      mayReveal: person.role === 'owner' || (person.role === 'developer' && person.mayReveal),
    },
    thread: rotation.ref,
    at: occasion.at,
  }))
  await putLetters(trx, letters)
}
