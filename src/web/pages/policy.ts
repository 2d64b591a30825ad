import { findOrganisation, findOrganisationNames } from '../../database/people/organisations.ts'
import { findStaff } from '../../database/people/people.ts'
import { findOwnPolicies, findPolicy, servicePolicyOf } from '../../database/policy.ts'
import { findOwnerChange } from '../../database/rotations/decision-facts.ts'
import { roleMay } from '../../rules/permissions.ts'
import { Refusal } from '../../rules/refusals.ts'
import { shortId } from '../../rules/text/foreign-text.ts'
import { joinWords } from '../../rules/text/words.ts'
import { type App, actorFor, type WebContext } from '../context.ts'
import { shownOrganisation, showPage } from '../shown/page.ts'
import { policyRules } from '../shown/policy.ts'
import { ownWords } from '../shown/policy-words.ts'
import { isPolicyKind, POLICY_KINDS, type PolicyKind, whoIsAsked } from '../shown/who-is-asked.ts'

/** Services with terms of their own that the answer names. */
const MOST_SERVICES = 50

async function answerFor(c: WebContext, organisationId: string, kind: PolicyKind, viewerId: string) {
  const { db } = c.get('desk')
  const organisation = await findOrganisation(db, organisationId)
  if (organisation === undefined) throw new Refusal('NOT_FOUND')
  const people = await findStaff(db)
  const staff = people.map(({ personId, name, role, organisationIds }) => {
    return {
      id: personId,
      name,
      staffRole: role === 'admin' ? ('admin' as const) : ('agent' as const),
      organisationIds,
    }
  })
  const { approvalsNeeded: approvalsByPolicy, selfService } = await findPolicy(db)
  const ownerChangedAt = await findOwnerChange(db, organisationId)
  return {
    organisation: shownOrganisation(organisation.id, organisation.name),
    kindWord: POLICY_KINDS[kind].label,
    ...whoIsAsked(
      { kind, organisationId, ownerChangedAt, staff, viewerId, approvalsByPolicy, selfService },
      new Date(),
    ),
    own: (await findOwnPolicies(db, { organisationId, limit: MOST_SERVICES })).items.map(({ service, ...row }) => ({
      name: service.name,
      live: service.environment === 'live',
      words: joinWords(ownWords(servicePolicyOf(row))),
    })),
  }
}

/** The rules that are in force, and who would be asked to decide a request now. */
async function show(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'policy.view')
  const { db } = c.get('desk')
  const organisations = await findOrganisationNames(db)
  const chosenId = c.req.query('organisation')
  const asked = c.req.query('kind') ?? ''
  const chosenKind = isPolicyKind(asked) ? asked : 'routine'
  const policy = await findPolicy(db)
  return showPage(c, 'policy', {
    title: 'Approval rules',
    rules: policyRules(policy),
    editHref: roleMay(actor.role, 'policy.manage') ? '/desk/policies' : null,
    organisations: organisations.map(({ id, name }) => ({ id, name, shortId: shortId(id), chosen: id === chosenId })),
    kinds: Object.entries(POLICY_KINDS).map(([value, { label }]) => ({ value, label, chosen: value === chosenKind })),
    answer: chosenId === undefined ? null : await answerFor(c, chosenId, chosenKind, actor.personId),
  })
}

export function addPolicy(app: App): void {
  app.get('/desk/policy', show)
}
