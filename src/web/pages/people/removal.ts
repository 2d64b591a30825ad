import { z } from 'zod'
import { removeMember } from '../../../identity/members/removal.ts'
import { removeFromStaff } from '../../../identity/members/staff.ts'
import { Refusal } from '../../../rules/refusals.ts'
import type { App, WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { showPage } from '../../shown/page.ts'
import { findInPlace, listOf, type Place, personInPlace, placeOf } from './place.ts'

const sent = z.object({ draft: z.string(), code: z.string().optional() })

function leadOf({ organisationId }: Place, isSelf: boolean): string {
  if (isSelf) return 'You are signed out at once, and come back only when somebody invites you again.'
  const where = organisationId === null ? 'on the desk' : 'in this organisation'
  const left =
    organisationId === null
      ? 'What they looked after is nobody’s then.'
      : 'What they requested goes on, and any owner looks after it.'
  return `Their sessions and API tokens ${where} end at once. ${left}`
}

async function ask(c: WebContext, problems?: Problems): Promise<Response> {
  const place = placeOf(c)
  const { personId, name } = await personInPlace(c, place)
  const isSelf = personId === place.actor.personId
  return showPage(c, 'confirm', {
    title: isSelf ? 'Leave?' : 'Remove?',
    before: isSelf ? 'Leave as ' : 'Remove ',
    name,
    lead: leadOf(place, isSelf),
    action: `/people/${personId}/removal${place.query}`,
    button: isSelf ? 'Leave' : 'Remove them',
    danger: true,
    backHref: listOf(place),
    backLabel: 'People',
    draft: newDraft(),
    askCode: await needsCode(c),
    ...(problems === undefined ? {} : { problems }),
  })
}

async function remove(c: WebContext): Promise<Response> {
  const place = placeOf(c)
  const person = await findInPlace(c, place)
  const { values, problems } = await readForm(c, sent)
  if (problems !== null) return ask(c, problems)
  const again = async () => c.redirect(listOf(place, 'removed'), 303)
  const run = async () => {
    if (person === undefined) throw new Refusal('NOT_FOUND')
    await confirmWithCode(c, values.code)
    const { actor, organisationId } = place
    const { db } = c.get('desk')
    if (organisationId === null) await removeFromStaff(db, actor, person.personId)
    else await removeMember(db, actor, { organisationId, personId: person.personId })
    return again()
  }
  // Sent twice, they are gone already.
  const fields = { LAST_OWNER: '', LAST_ADMIN: '' }
  return orAskAgain(
    () => oncePerDraft(c, values.draft, run, again),
    (wrong) => ask(c, wrong),
    fields,
  )
}

/** Owners remove members, themselves included; admins anybody, of the staff too. */
export function addRemovals(app: App): void {
  app.get('/people/:id/removal', (c) => ask(c))
  app.post('/people/:id/removal', remove)
}
