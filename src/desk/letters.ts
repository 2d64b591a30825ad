import type { Trx } from '../database/connect.ts'
import { findRotationFacts } from '../database/letters/facts.ts'
import { type EnrolledPerson, findMembers, findStaff } from '../database/people/people.ts'
import type { FollowUpRow, ItemRow, RotationRow } from '../database/schema.ts'
import { putLetters, type RotationLetterKind } from '../outbox/letters.ts'
import { mayDecide } from '../rules/rotations/approvals.ts'

/**
 * `owners` means the requester and every owner, `participants` those and the members who wrote in it; `members` everybody who may view the
 * keys, `pickers` those who may pick them up; `agents` those who may decide; `assignee` whoever looks after it, if they may decide it, and
 * else those agents.
 */
type Audience = 'requester' | 'owners' | 'participants' | 'members' | 'pickers' | 'agents' | 'assignee'

type Occasion = {
  kind: RotationLetterKind
  audience: Audience
  /** The name of who did it; null when the desk itself did, at its due time. */
  who: string | null
  /** The person who did it, who gets no letter about it. */
  except?: string
  at: Date
  /** A reason or message that goes along. */
  note?: string
  decideBy?: Date
  /** Tells two letters of one kind about one rotation apart, such as the follow-up's id. */
  distinction?: string
  /** Told before, and still waiting. */
  again?: boolean
  /** What was asked for, where the letter is about that. */
  followUp?: FollowUpRow['type']
  /** The end that an extension asks for. */
  wantedEnd?: Date
  items: readonly ItemRow[]
}

function mayReveal(person: EnrolledPerson): boolean {
  return person.role === 'owner' || (person.role === 'developer' && person.mayReveal)
}

type Addressee = EnrolledPerson & { why: string }

function whyMember(person: EnrolledPerson, rotation: RotationRow, organisation: string): string {
  if (person.personId === rotation.requesterId) return 'you requested this rotation'
  return person.role === 'owner' ? `you are an owner of ${organisation}` : `you may view the keys of ${organisation}`
}

async function findDeciders(trx: Trx, rotation: RotationRow): Promise<Addressee[]> {
  const staff = await findStaff(trx)
  const eligible = staff.filter(({ personId, role, organisationIds }) =>
    mayDecide({ id: personId, staffRole: role === 'admin' ? 'admin' : 'agent', organisationIds }, rotation),
  )
  return eligible.map((person) => ({ ...person, why: 'you are on the support staff and may decide it' }))
}

async function findAssignee(trx: Trx, rotation: RotationRow): Promise<Addressee[]> {
  const deciders = await findDeciders(trx, rotation)
  const assignee = deciders.find((person) => person.personId === rotation.assigneeId)
  return assignee === undefined ? deciders : [{ ...assignee, why: 'you look after this rotation' }]
}

async function findWriters(trx: Trx, ref: string): Promise<string[]> {
  const rows = await trx.selectFrom('message').select('authorId').where('rotationRef', '=', ref).distinct().execute()
  return rows.map((row) => row.authorId)
}

async function findAddressees(trx: Trx, rotation: RotationRow, audience: Audience, name: string): Promise<Addressee[]> {
  if (audience === 'agents') return findDeciders(trx, rotation)
  if (audience === 'assignee') return findAssignee(trx, rotation)
  const members = await findMembers(trx, rotation.organisationId)
  const writers = audience === 'participants' ? await findWriters(trx, rotation.ref) : []
  // What would go to the requester alone goes to the owners once the requester has left: one of them takes over.
  const left = !members.some((person) => person.personId === rotation.requesterId)
  const wanted = members.filter(
    (person) =>
      audience === 'members' ||
      (audience === 'pickers' && mayReveal(person)) ||
      person.personId === rotation.requesterId ||
      ((audience !== 'requester' || left) && person.role === 'owner') ||
      writers.includes(person.personId),
  )
  return wanted.map((person) => ({ ...person, why: whyMember(person, rotation, name) }))
}

/** Puts one letter per addressee into the outbox, as part of the caller's transaction; repeated, it puts none twice. */
export async function putRotationLetters(trx: Trx, rotation: RotationRow, occasion: Occasion): Promise<void> {
  const facts = await findRotationFacts(trx, rotation, occasion.items)
  const addressees = await findAddressees(trx, rotation, occasion.audience, facts.organisation)
  const distinction = occasion.distinction ?? String(rotation.revision)
  const readers = addressees.filter((person) => person.personId !== occasion.except)
  const letters = readers.map((person) => ({
    naturalKey: `${rotation.ref}/${occasion.kind}/${distinction}/${person.personId}`,
    kind: occasion.kind,
    to: { name: person.name, address: person.email },
    reader: { personId: person.personId, role: person.role },
    facts: {
      ...facts,
      who: occasion.who,
      at: occasion.at.toISOString(),
      note: occasion.note ?? '',
      decideBy: occasion.decideBy?.toISOString() ?? null,
      why: person.why,
      timeZone: person.timeZone,
      role: person.role,
      ...(occasion.again === undefined ? {} : { again: occasion.again }),
      ...(occasion.followUp === undefined ? {} : { followUp: occasion.followUp }),
      ...(occasion.wantedEnd === undefined ? {} : { wantedEnd: occasion.wantedEnd.toISOString() }),
      mayReveal: mayReveal(person),
    },
    thread: rotation.ref,
    at: occasion.at,
  }))
  await putLetters(trx, letters)
}
