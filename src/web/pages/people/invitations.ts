import { z } from 'zod'
import { findListedInvitation, type ListedInvitation } from '../../../database/people/places.ts'
import { resendInvitation, withdrawInvitation } from '../../../identity/members/open-invitations.ts'
import type { PersonActor } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { invitationRow } from '../../shown/people.ts'
import type { Done } from './people.ts'

const sent = z.object({ code: z.string().optional() })

async function invitationOf(c: WebContext, actor: PersonActor): Promise<ListedInvitation | undefined> {
  return findListedInvitation(c.get('desk').db, actor, c.req.param('id') ?? '')
}

function listOf(actor: PersonActor, organisationId: string | null, done?: Done): string {
  const list = actor.organisationId === organisationId ? '/people' : `/organisations/${organisationId}`
  return done === undefined ? list : `${list}?done=${done}`
}

async function ask(c: WebContext, problems?: Problems): Promise<Response> {
  const actor = actorFor(c, 'members.manage')
  const invitation = await invitationOf(c, actor)
  if (invitation === undefined) throw new Refusal('NOT_FOUND')
  return showPage(c, 'open-invitation', {
    title: 'Open invitation',
    ...invitationRow(invitation, bearerOf(c).timeZone),
    action: `/people/invitations/${invitation.id}`,
    backHref: listOf(actor, invitation.organisationId),
    askCode: await needsCode(c),
    ...(problems === undefined ? {} : { problems }),
  })
}

async function resend(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'members.manage')
  const invitation = await invitationOf(c, actor)
  if (invitation === undefined) throw new Refusal('NOT_FOUND')
  const { values, problems } = await readForm(c, sent)
  if (problems !== null) return ask(c, problems)
  const run = async () => {
    await confirmWithCode(c, values.code)
    await resendInvitation(c.get('desk').db, actor, invitation.id)
    return c.redirect(listOf(actor, invitation.organisationId, 'invited'), 303)
  }
  return orAskAgain(run, (wrong) => ask(c, wrong), { TOO_MANY_REQUESTS: '' })
}

async function withdraw(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'members.manage')
  const invitation = await invitationOf(c, actor)
  if (invitation === undefined) throw new Refusal('NOT_FOUND')
  await withdrawInvitation(c.get('desk').db, actor, invitation.id)
  return c.redirect(listOf(actor, invitation.organisationId, 'withdrawn'), 303)
}

/** Sends an open invitation again, or makes it void. */
export function addOpenInvitations(app: App): void {
  app.get('/people/invitations/:id', (c) => ask(c))
  app.post('/people/invitations/:id', resend)
  app.post('/people/invitations/:id/withdrawal', withdraw)
}
