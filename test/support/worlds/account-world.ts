import type { Db } from '../../../src/database/connect.ts'
import type { Sealer } from '../../../src/secrets/sealing.ts'
import { type Enrolled, enrolFirstAdmin, enrolMember, enrolOwner } from './people.ts'

export type Household = {
  owner: Enrolled & { organisationId: string }
  /** The other owner of the same organisation. */
  partner: Enrolled
  developer: Enrolled
}

/** Makes organisations with two owners and a developer each, as many as asked for. */
export async function makeHouseholds(db: Db, sealer: Sealer) {
  const admin = await enrolFirstAdmin(db, sealer)
  let counter = 0
  async function newHousehold(): Promise<Household> {
    counter += 1
    const person = { name: `Ada ${counter}`, email: `ada${counter}@acme.example` }
    const owner = await enrolOwner(db, sealer, admin, { name: `Acme ${counter}`, owner: person })
    const member = (name: string, role: 'owner' | 'developer') =>
      enrolMember(db, sealer, owner, { name, email: `${name.toLowerCase()}${counter}@acme.example`, role })
    return { owner, partner: await member('Ben', 'owner'), developer: await member('Dev', 'developer') }
  }
  return { admin, newHousehold }
}
