import { findService } from '../../../src/database/keys/services.ts'
import { carryOutNextDue } from '../../../src/desk/carry-out.ts'
import { createService } from '../../../src/keyring/services.ts'
import type { Role } from '../../../src/rules/permissions.ts'
import { type Client, clientOf, sealer, type TestDesk } from '../web.ts'
import { type Enrolled, enrolFirstAdmin, enrolMember, enrolOwner, enrolStaff } from './people.ts'

export type Place = { organisationId: string; serviceId: string; authKeyId: string; versionId: string }

async function addService(desk: TestDesk, owner: Enrolled & { organisationId: string }, name: string): Promise<Place> {
  const { db, maker } = desk.desk
  const { id } = await createService(db, maker, owner.actor, { name, environment: 'live' })
  const service = await findService(db, owner.actor, id)
  const key = service?.keys.find(({ kind }) => kind === 'auth')
  return {
    organisationId: owner.organisationId,
    serviceId: id,
    authKeyId: key?.id ?? '',
    versionId: key?.versions[0]?.id ?? '',
  }
}

/** Two organisations and the staff, each with a script of their own, all through the verbs. */
export async function makeApiWorld(desk: TestDesk) {
  const { db } = desk.desk
  const admin = await enrolFirstAdmin(db, sealer)
  const acme = { name: 'Acme', owner: { name: 'Ada Owner', email: 'ada@acme.example' } }
  const owner = await enrolOwner(db, sealer, admin, acme)
  const rivals = { name: 'Rivals', owner: { name: 'Rex Rival', email: 'rex@rivals.example' } }
  const rival = await enrolOwner(db, sealer, admin, rivals)
  const member = (name: string, role: 'developer' | 'viewer') =>
    enrolMember(db, sealer, owner, { name, email: `${role}@acme.example`, role })
  const agent = (name: string) =>
    enrolStaff(db, sealer, admin, { name, email: `${name.toLowerCase()}@desk.example`, role: 'agent' })
  const people = {
    admin,
    owner,
    developer: await member('Dev', 'developer'),
    viewer: await member('Vic', 'viewer'),
    agent: await agent('Gus'),
  } satisfies Record<Role, Enrolled>
  const otherAgent = await agent('Gia')
  const clients: Record<Role, Client> = {
    admin: await clientOf(desk, people.admin),
    owner: await clientOf(desk, people.owner),
    developer: await clientOf(desk, people.developer),
    viewer: await clientOf(desk, people.viewer),
    agent: await clientOf(desk, people.agent),
  }
  return {
    people: { ...people, rival, otherAgent },
    clients: { ...clients, rival: await clientOf(desk, rival), otherAgent: await clientOf(desk, otherAgent) },
    place: await addService(desk, owner, 'Payments EU'),
    foreign: await addService(desk, rival, 'Payments XX'),
    addService: (name: string) => addService(desk, owner, name),
  }
}
export type ApiWorld = Awaited<ReturnType<typeof makeApiWorld>>

/** Does what is due, as the worker would. */
export async function work({ desk }: TestDesk): Promise<void> {
  while (await carryOutNextDue(desk.db, desk.maker)) {
    // One piece of work a time.
  }
}
