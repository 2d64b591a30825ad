import { z } from 'zod'
import { type EnrolledPerson, findMembers } from '../../../database/people/people.ts'
import { setMayReveal } from '../../../identity/members/pick-up.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, actorFor, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'

const answer = z.object({ allow: z.enum(['yes', 'no']), code: z.string().optional() })

async function developerOf(c: WebContext): Promise<EnrolledPerson> {
  const { organisationId } = actorFor(c, 'members.allowPickUp')
  const members = await findMembers(c.get('desk').db, organisationId ?? '')
  const person = members.find(({ personId, role }) => personId === c.req.param('id') && role === 'developer')
  if (person === undefined) throw new Refusal('NOT_FOUND')
  return person
}

async function ask(c: WebContext, problems?: Problems): Promise<Response> {
  const { personId, name, mayReveal } = await developerOf(c)
  return showPage(c, 'allow-pick-up', {
    title: mayReveal ? 'Stop picking up keys' : 'Allow picking up keys',
    personId,
    name,
    mayReveal,
    askCode: await needsCode(c),
    ...(problems === undefined ? {} : { problems }),
  })
}

async function change(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'members.allowPickUp')
  const { personId } = await developerOf(c)
  const { values, problems } = await readForm(c, answer)
  if (problems !== null) return ask(c, problems)
  const run = async () => {
    await confirmWithCode(c, values.code)
    await setMayReveal(c.get('desk').db, actor, personId, values.allow === 'yes')
    return c.redirect('/people', 303)
  }
  return orAskAgain(run, (problems) => ask(c, problems), { ON_HOLD: '' })
}

/** An owner allows a developer to pick up new keys, or no longer. */
export function addPickUp(app: App): void {
  app.get('/people/:id/pick-up', (c) => ask(c))
  app.post('/people/:id/pick-up', change)
}
