import { findServices, type ServiceView } from '../../../database/keys/services.ts'
import { findOrganisation } from '../../../database/people/organisations.ts'
import { findInvitations, findPeople, type ListedPerson } from '../../../database/people/places.ts'
import { findRecoveryCases } from '../../../database/people/recovery-cases.ts'
import { findRotations } from '../../../database/rotations/views.ts'
import { roleMay } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { KIND_WORDS } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { invitationRow, personRow } from '../../shown/people.ts'
import { recoveryRow } from '../../shown/recovery.ts'
import { rowFacts } from '../../shown/rotation-facts.ts'
import { shownTime } from '../../shown/times.ts'

const ROTATIONS_AT_ONCE = 10
const SERVICES_AT_ONCE = 50
const CASES_AT_ONCE = 10

const DONE: Readonly<Record<string, string>> = {
  invited: 'They are invited by email. The invitation works for 7 days.',
  role: 'The role is changed, from their next click on.',
  removed: 'They are removed. Their sessions and API tokens there ended at once.',
  withdrawn: 'The invitation is withdrawn; its link is void.',
}

/** What the staff have to know of who can act for the organisation. */
function ownerState(people: readonly ListedPerson[], invitesOwner: boolean): 'none' | 'invited' | 'sole' | 'several' {
  const owners = people.filter(({ role, disabledAt }) => role === 'owner' && disabledAt === null).length
  if (owners === 0) return invitesOwner ? 'invited' : 'none'
  return owners === 1 ? 'sole' : 'several'
}

function serviceRow({ id, name, environment, selfService, keys }: ServiceView) {
  return {
    name,
    live: environment === 'live',
    selfService,
    href: `/services/${id}`,
    keys: keys.map(({ kind, enabled, versions }) => ({
      kindWord: KIND_WORDS[kind],
      enabled,
      last4: versions.find(({ accepted }) => accepted)?.last4 ?? null,
    })),
  }
}

async function findParts(c: WebContext, organisationId: string) {
  const { db } = c.get('desk')
  const { timeZone } = bearerOf(c)
  const people = await findPeople(db, organisationId)
  const invitations = await findInvitations(db, organisationId)
  const everything = { organisationId: null }
  const services = await findServices(db, everything, { organisationId, limit: SERVICES_AT_ONCE })
  const rotations = await findRotations(db, everything, { organisationId, limit: ROTATIONS_AT_ONCE })
  const cases = await findRecoveryCases(db, { open: true, organisationId, limit: CASES_AT_ONCE })
  const owners = ownerState(
    people,
    invitations.some(({ role, ranOut }) => role === 'owner' && !ranOut),
  )
  return {
    ownersNone: owners === 'none',
    ownersInvited: owners === 'invited',
    ownersSole: owners === 'sole',
    people: people.map((person) => personRow(person, timeZone)),
    invitations: invitations.map((invitation) => invitationRow(invitation, timeZone)),
    services: services.items.map(serviceRow),
    rotations: rotations.items.map((rotation) => rowFacts(rotation, timeZone)),
    cases: cases.map((recovery) => recoveryRow(recovery, timeZone, new Date())),
  }
}

async function show(c: WebContext): Promise<Response> {
  const { role } = actorFor(c, 'organisations.view')
  const { timeZone } = bearerOf(c)
  const organisation = await findOrganisation(c.get('desk').db, c.req.param('id') ?? '')
  if (organisation === undefined) throw new Refusal('NOT_FOUND')
  const { id, name, createdAt } = organisation
  const manages = roleMay(role, 'organisations.manage')
  return showPage(c, 'organisation', {
    title: name,
    organisation: shownOrganisation(id, name),
    since: shownTime(createdAt, timeZone),
    done: DONE[c.req.query('done') ?? ''] ?? null,
    manages,
    mayLookAfter: manages,
    addServiceHref: `/services/new?organisation=${id}`,
    inviteHref: `/organisations/${id}/invitation`,
    recoveryHref: `/desk/recovery/new?organisation=${id}`,
    noOwnerHref: `/desk/recovery/new?kind=no_owner&organisation=${id}`,
    auditHref: `/audit?chain=${id}`,
    reviewHref: `/permission-review?organisation=${id}`,
    ...(await findParts(c, id)),
  })
}

/** An organisation as the staff see it: its people, services and what is under way; never a secret. */
export function addOrganisation(app: App): void {
  app.get('/organisations/:id{org_[0-9a-z]+}', show)
}
