import type { App } from '../context.ts'
import { addAccount } from './account/routes.ts'
import { addAudit } from './audit.ts'
import { addCannedAnswers } from './conversation/canned-answers.ts'
import { addConversation } from './conversation/write.ts'
import { addDecision } from './decision.ts'
import { addDelivery } from './delivery/routes.ts'
import { addDeskPages } from './desk/routes.ts'
import { addEvidence } from './evidence.ts'
import { addNewRotation } from './filing/new-rotation.ts'
import { addFollowUps } from './follow-ups/routes.ts'
import { addGateways } from './gateways.ts'
import { addHubs } from './hubs.ts'
import { addInvitations } from './invitations.ts'
import { addKeys } from './keys/routes.ts'
import { addNewKeys } from './new-keys.ts'
import { addOrganisationInvitation } from './organisations/invitation.ts'
import { addOrganisation } from './organisations/organisation.ts'
import { addOrganisations } from './organisations/organisations.ts'
import { addPeoplePages } from './people/routes.ts'
import { addDeskPolicies } from './policies/desk.ts'
import { addServicePolicy } from './policies/service.ts'
import { addPolicy } from './policy.ts'
import { addProposals } from './proposals.ts'
import { addQueue } from './queue/routes.ts'
import { addRecovery } from './recovery/routes.ts'
import { addReports } from './reports/reports.ts'
import { addRotation } from './rotation.ts'
import { addRotations } from './rotations.ts'
import { addServices } from './services.ts'
import { addSetUp } from './set-up.ts'
import { addSignIn } from './sign-in.ts'
import { addTrouble } from './trouble/routes.ts'
import { addWatch } from './watch/routes.ts'
import { addWebhooks } from './webhooks/webhooks.ts'

/** Everything that people see. A fixed path stands before the pattern that it fits, such as `/rotations/new`. */
export function addPages(app: App): void {
  for (const add of [addSignIn, addSetUp, addInvitations]) add(app)
  for (const add of [addRotations, addNewRotation, addRotation, addNewKeys]) add(app)
  for (const add of [addQueue, addReports, addDecision, addConversation, addCannedAnswers]) add(app)
  for (const add of [addFollowUps, addTrouble]) add(app)
  addAccount(app)
  addDelivery(app)
  addWebhooks(app)
  addWatch(app)
  addDeskPages(app)
  for (const add of [
    addAudit,
    addEvidence,
    addHubs,
    addProposals,
    addPolicy,
    addDeskPolicies,
    addServicePolicy,
    addServices,
    addKeys,
    addGateways,
  ])
    add(app)
  for (const add of [addPeoplePages, addOrganisations, addOrganisation, addOrganisationInvitation, addRecovery])
    add(app)
}
