import type { Db } from '../../../src/database/connect.ts'
import { newId } from '../../../src/database/ids.ts'
import { findService } from '../../../src/database/keys/services.ts'
import { carryOutNextDue } from '../../../src/desk/carry-out.ts'
import { approveRotation } from '../../../src/desk/decide.ts'
import { type Filing, submitRotation } from '../../../src/desk/submit.ts'
import type { KeyMaker } from '../../../src/keyring/make-version.ts'
import { createService } from '../../../src/keyring/services.ts'
import type { MemberRole, PersonActor, StaffRole } from '../../../src/rules/permissions.ts'
import { createSealer } from '../../../src/secrets/sealing.ts'

export const maker: KeyMaker = { prefix: 'rk', sealer: createSealer(Buffer.alloc(32, 7)) }

async function addPerson(db: Db, name: string, staffRole: StaffRole | null): Promise<string> {
  const id = newId('person')
  const createdAt = new Date('2026-01-01T00:00:00Z')
  const email = `${name.toLowerCase().replaceAll(' ', '.')}.${id.slice(-6)}@example.test`
  await db.insertInto('person').values({ id, email, name, staffRole, passwordHash: 'set', createdAt }).execute()
  return id
}

export async function addMember(db: Db, organisationId: string, role: MemberRole, name: string): Promise<PersonActor> {
  const personId = await addPerson(db, name, null)
  const createdAt = new Date('2026-01-01T00:00:00Z')
  await db.insertInto('membership').values({ personId, organisationId, role, createdAt }).execute()
  return { kind: 'person', personId, name, role, organisationId }
}

export async function addStaff(db: Db, role: StaffRole, name: string): Promise<PersonActor> {
  return { kind: 'person', personId: await addPerson(db, name, role), name, role, organisationId: null }
}

export async function addOrganisation(db: Db, name: string): Promise<string> {
  const id = newId('organisation')
  await db
    .insertInto('organisation')
    .values({ id, name, createdAt: new Date('2026-01-01T00:00:00Z') })
    .execute()
  return id
}

/** An organisation with an owner and two services, and the staff that may decide: people as rows, all else through the verbs. */
export async function makeDeskWorld(db: Db) {
  await db.updateTable('policy').set({ filingsPerHour: 1_000_000 }).execute()
  const organisationId = await addOrganisation(db, 'Acme')
  const owner = await addMember(db, organisationId, 'owner', 'Ada Owner')
  const admin = await addStaff(db, 'admin', 'Max Admin')
  const agents = [await addStaff(db, 'agent', 'Gus Agent'), await addStaff(db, 'agent', 'Gia Agent')] as const
  const service = await addService(db, admin, organisationId, 'Payments EU')
  return { organisationId, owner, admin, agent: agents[0], otherAgent: agents[1], service }
}
export type DeskWorld = Awaited<ReturnType<typeof makeDeskWorld>>

export async function addService(db: Db, admin: PersonActor, organisationId: string, name: string) {
  const { id } = await createService(db, maker, admin, { organisationId, name, environment: 'live' })
  const service = await findService(db, { organisationId: null }, id)
  if (service === undefined) throw new Error('the service was not made')
  const keyId = (kind: string) => service.keys.find((key) => key.kind === kind)?.id ?? ''
  return { id, authKeyId: keyId('auth'), adminKeyId: keyId('admin') }
}

/** Files both keys of a service, unless told otherwise. */
export async function file(
  db: Db,
  owner: PersonActor,
  serviceId: string,
  filing: Partial<Filing> = {},
): Promise<string> {
  const items = [{ serviceId, kinds: ['auth', 'admin'] as const }]
  const whole = { items, reason: 'scheduled' as const, overlapSeconds: 86_400, ...filing }
  return (await submitRotation(db, owner, whole)).ref
}

export async function fileAndApprove(
  db: Db,
  world: DeskWorld,
  serviceId: string,
  filing: Partial<Filing> = {},
): Promise<string> {
  const ref = await file(db, world.owner, serviceId, filing)
  await approveRotation(db, world.agent, ref, { revision: 1 })
  return ref
}

/** Does everything that is due, as the worker would. */
export async function carryOutAll(db: Db): Promise<void> {
  while (await carryOutNextDue(db, maker));
}
