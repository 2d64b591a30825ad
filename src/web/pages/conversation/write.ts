import { z } from 'zod'
import { findCannedAnswers } from '../../../database/rotations/messages.ts'
import { askCustomer } from '../../../desk/conversation/ask.ts'
import { writeMessage, writeNote } from '../../../desk/conversation/write.ts'
import { type App, actorFor, type WebContext } from '../../context.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { rotationOf, showRotation } from '../rotation.ts'
import { addAnswer } from './answer.ts'
import { FORM_TEXTS, isFormName, neededText, revision, seenAt } from './forms.ts'
import { onceWritten } from './once.ts'
import { orShowStale } from './stale.ts'

const draft = z.string()
const question = z.object({ revision, seenAt, draft, question: neededText('Write what you want to know.') })
const message = z.object({ draft, message: neededText('Write your message.') })
const note = z.object({ draft, internalNote: neededText('Write the note.') })

async function ask(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.decide')
  const { values, typed, problems } = await readForm(c, question)
  if (problems !== null) return showRotation(c, ref, { form: 'ask', values: typed, problems })
  const words = values.question
  const run = () => askCustomer(c.get('desk').db, actor, ref, { revision: values.revision, message: words })
  const sent = { draft: values.draft, words }
  return orShowStale(c, ref, { form: 'ask', typed }, () => onceWritten(c, ref, sent, run))
}

async function write(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.write')
  await rotationOf(c, ref)
  const { values, typed, problems } = await readForm(c, message)
  const again = (problems: Problems) => showRotation(c, ref, { form: 'message', values: typed, problems })
  if (problems !== null) return again(problems)
  const run = async () => void (await writeMessage(c.get('desk').db, actor, ref, values.message))
  const sent = { draft: values.draft, words: values.message }
  return orAskAgain(() => onceWritten(c, ref, sent, run), again, { TOO_MANY_REQUESTS: 'message' })
}

async function takeNote(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.note')
  const { values, typed, problems } = await readForm(c, note)
  if (problems !== null) return showRotation(c, ref, { form: 'note', values: typed, problems })
  const words = values.internalNote
  const run = async () => void (await writeNote(c.get('desk').db, actor, ref, words))
  return onceWritten(c, ref, { draft: values.draft, words }, run)
}

/** Puts a canned answer behind what was typed already, and shows the form again: nothing is sent. */
async function insertCannedAnswer(c: WebContext, ref: string): Promise<Response> {
  actorFor(c, 'rotations.decide')
  const { typed } = await readForm(c, z.object({}))
  const form = isFormName(typed.into) ? typed.into : 'message'
  const field = FORM_TEXTS[form]
  const canned = (await findCannedAnswers(c.get('desk').db)).find(({ id }) => id === typed.cannedAnswer)
  const words = [typed[field]?.trimEnd() ?? '', canned?.body ?? ''].filter((part) => part !== '').join('\n\n')
  return showRotation(c, ref, { form, values: { ...typed, [field]: words } })
}

/** Back from the stale page to the rotation as it is now, with what was typed before. */
async function review(c: WebContext, ref: string): Promise<Response> {
  actorFor(c, 'rotations.view')
  const { typed } = await readForm(c, z.object({}))
  return showRotation(c, ref, isFormName(typed.form) ? { form: typed.form, values: typed } : undefined)
}

export function addConversation(app: App): void {
  app.post('/rotations/:ref/question', (c) => ask(c, c.req.param('ref')))
  app.post('/rotations/:ref/messages', (c) => write(c, c.req.param('ref')))
  app.post('/rotations/:ref/notes', (c) => takeNote(c, c.req.param('ref')))
  app.post('/rotations/:ref/canned-answer', (c) => insertCannedAnswer(c, c.req.param('ref')))
  app.post('/rotations/:ref/review', (c) => review(c, c.req.param('ref')))
  addAnswer(app)
}
