import { z } from 'zod'
import { type CannedAnswerView, findCannedAnswers } from '../../../database/rotations/messages.ts'
import { addCannedAnswer, changeCannedAnswer, removeCannedAnswer } from '../../../desk/conversation/canned-answers.ts'
import { Refusal, type RefusalCode } from '../../../rules/refusals.ts'
import { type App, actorFor, type WebContext } from '../../context.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { showPage } from '../../shown/page.ts'
import { neededText } from './forms.ts'

const PATH = '/desk/canned-answers'
const fields = z.object({
  name: z.string('Enter a name.').trim().min(1, 'Enter a name.').max(100, 'Use at most 100 characters.'),
  body: neededText('Write the text.'),
})
const FIELDS: Partial<Record<RefusalCode, string>> = { NAME_TAKEN: 'name' }
type Again = { values: Typed; problems: Problems }

async function show(c: WebContext, again?: Again): Promise<Response> {
  actorFor(c, 'cannedAnswers.manage')
  const answers = await findCannedAnswers(c.get('desk').db)
  return showPage(c, 'canned-answers', {
    title: 'Canned answers',
    answers: answers.map(({ id, name, body }) => ({ name, body, href: `${PATH}/${id}` })),
    draft: newDraft(),
    ...again,
  })
}

async function add(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'cannedAnswers.manage')
  const { values, typed, problems } = await readForm(c, fields.extend({ draft: z.string() }))
  const again = (problems: Problems) => show(c, { values: typed, problems })
  if (problems !== null) return again(problems)
  const { draft, ...answer } = values
  const done = async () => c.redirect(PATH, 303)
  const run = async () => {
    await addCannedAnswer(c.get('desk').db, actor, answer)
    return done()
  }
  return orAskAgain(() => oncePerDraft(c, draft, run, done), again, FIELDS)
}

async function answerOf(c: WebContext, id: string): Promise<CannedAnswerView> {
  actorFor(c, 'cannedAnswers.manage')
  const answer = (await findCannedAnswers(c.get('desk').db)).find((answer) => answer.id === id)
  if (answer === undefined) throw new Refusal('NOT_FOUND')
  return answer
}

async function edit(c: WebContext, id: string, again?: Again): Promise<Response> {
  const { name, body } = await answerOf(c, id)
  const facts = { title: `Edit “${name}”`, name, action: `${PATH}/${id}`, backHref: PATH }
  return showPage(c, 'canned-answer', { ...facts, values: { name, body }, ...again })
}

async function change(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'cannedAnswers.manage')
  await answerOf(c, id)
  const { values, typed, problems } = await readForm(c, fields)
  const again = (problems: Problems) => edit(c, id, { values: typed, problems })
  if (problems !== null) return again(problems)
  const run = async () => {
    await changeCannedAnswer(c.get('desk').db, actor, id, values)
    return c.redirect(PATH, 303)
  }
  return orAskAgain(run, again, FIELDS)
}

async function remove(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'cannedAnswers.manage')
  try {
    await removeCannedAnswer(c.get('desk').db, actor, id)
  } catch (error) {
    // Sent twice, it is gone already.
    if (!(error instanceof Refusal) || error.code !== 'NOT_FOUND') throw error
  }
  return c.redirect(PATH, 303)
}

export function addCannedAnswers(app: App): void {
  app.get(PATH, (c) => show(c))
  app.post(PATH, add)
  app.get(`${PATH}/:id`, (c) => edit(c, c.req.param('id')))
  app.post(`${PATH}/:id`, (c) => change(c, c.req.param('id')))
  app.post(`${PATH}/:id/removal`, (c) => remove(c, c.req.param('id')))
}
