import type { App } from '../../context.ts'
import { addAccountDeeds } from './account.ts'
import { addOpenInvitations } from './invitations.ts'
import { addPeople } from './people.ts'
import { addPerson } from './person.ts'
import { addPickUp } from './pick-up.ts'
import { addRemovals } from './removal.ts'
import { addRoles } from './role.ts'

/** Who is there, and what they may do. */
export function addPeoplePages(app: App): void {
  for (const add of [addPeople, addOpenInvitations, addPerson, addPickUp, addRoles, addRemovals, addAccountDeeds]) {
    add(app)
  }
}
