import type { Db } from '../../database/connect.ts'
import { createFirstAdmin, issueSetUpCode } from '../../identity/members/first-admin.ts'
import { createOrganisation, inviteMember, inviteStaff } from '../../identity/members/organisations.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import type { Sealer } from '../../secrets/sealing.ts'
import { type Enrolled, enrol } from './newcomer.ts'

export type Mailroom = {
  db: Db
  sealer: Sealer
  /** The path in the newest invitation letter to this address, once it has arrived. */
  invitationFor: (email: string) => Promise<string>
}

const ADMIN = { name: 'Ingrid Solberg', email: 'admin@desk.example' }
const AGENTS = [
  { name: 'Mateo Rivera', email: 'agent@desk.example' },
  { name: 'Hana Sato', email: 'agent2@desk.example' },
]
const ORGANISATIONS = [
  {
    name: 'Fjord Logistics',
    owner: { name: 'Ada Lindqvist', email: 'owner@fjord.example' },
    others: [
      { name: 'Dev Raman', email: 'developer@fjord.example', role: 'developer' },
      { name: 'Vera Novak', email: 'viewer@fjord.example', role: 'viewer' },
    ],
  },
  {
    name: 'Pine Street Books',
    owner: { name: 'Omar Haddad', email: 'owner@pine.example' },
    others: [
      { name: 'Dana Kim', email: 'developer@pine.example', role: 'developer' },
      { name: 'Victor Osei', email: 'viewer@pine.example', role: 'viewer' },
    ],
  },
] as const

/** An organisation's people; the owner comes first. */
export type Organisation = { id: string; owner: Enrolled; others: Enrolled[] }
export type People = { admin: Enrolled; agents: Enrolled[]; organisations: Organisation[] }

async function enrolFirstAdmin({ db, sealer }: Mailroom): Promise<Enrolled> {
  const code = await issueSetUpCode(db)
  if (code === null) throw new Error('this desk has an admin already')
  const { invitationPath } = await createFirstAdmin(db, code, ADMIN)
  return enrol(db, sealer, invitationPath)
}

async function makeOrganisation(
  mailroom: Mailroom,
  admin: PersonActor,
  { name, owner, others }: (typeof ORGANISATIONS)[number],
): Promise<Organisation> {
  const { db, sealer, invitationFor } = mailroom
  const { id } = await createOrganisation(db, admin, { name, owner })
  const enrolled = await enrol(db, sealer, await invitationFor(owner.email))
  const members: Enrolled[] = []
  for (const other of others) {
    await inviteMember(db, enrolled.actor, { ...other, organisationId: id })
    members.push(await enrol(db, sealer, await invitationFor(other.email)))
  }
  return { id, owner: enrolled, others: members }
}

/** Everybody of the sample world, each invited and enrolled as people are. */
export async function makePeople(mailroom: Mailroom): Promise<People> {
  const { db, sealer, invitationFor } = mailroom
  const admin = await enrolFirstAdmin(mailroom)
  const agents: Enrolled[] = []
  for (const agent of AGENTS) {
    await inviteStaff(db, admin.actor, { ...agent, role: 'agent' })
    agents.push(await enrol(db, sealer, await invitationFor(agent.email)))
  }
  const organisations: Organisation[] = []
  for (const organisation of ORGANISATIONS) {
    organisations.push(await makeOrganisation(mailroom, admin.actor, organisation))
  }
  return { admin, agents, organisations }
}
