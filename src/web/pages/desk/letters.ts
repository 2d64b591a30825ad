import { z } from 'zod'
import { LETTER_KINDS, letterKind, previewLetter, sendTestLetter } from '../../../outbox/preview.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { readForm } from '../../forms/form.ts'
import { newDraft } from '../../forms/once.ts'
import { CONTENT_SECURITY_POLICY } from '../../security.ts'
import { KIND_NAMES } from '../../shown/letter-kinds.ts'
import { showPage } from '../../shown/page.ts'

/** A letter's own HTML, in a frame of the preview alone: nothing of it works but its styles. */
const LETTER_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"

function previewOf(c: WebContext) {
  const { actor, timeZone } = bearerOf(c)
  const { publicUrl, mailReplyTo } = c.get('desk').config
  const kind = letterKind(c.req.param('kind') ?? '')
  return { kind, letter: previewLetter(kind, { name: actor.name, timeZone }, { publicUrl, mailReplyTo }) }
}

async function list(c: WebContext): Promise<Response> {
  actorFor(c, 'letters.preview')
  const kinds = LETTER_KINDS.map((kind) => ({ kind, name: KIND_NAMES[kind].name, readers: KIND_NAMES[kind].readers }))
  return showPage(c, 'letters', { title: 'Letters', kinds })
}

async function show(c: WebContext): Promise<Response> {
  actorFor(c, 'letters.preview')
  const { kind, letter } = previewOf(c)
  // The one page that shows another within it: the letter.
  c.header('content-security-policy', `${CONTENT_SECURITY_POLICY}; frame-src 'self'`)
  return showPage(c, 'letter', {
    title: KIND_NAMES[kind].name,
    kind,
    readers: KIND_NAMES[kind].readers,
    subject: letter.subject,
    text: letter.text,
    draft: newDraft(),
    sent: c.req.query('sent') === 'yes',
    mailIsSet: c.get('desk').config.smtpUrl !== undefined,
  })
}

function showHtml(c: WebContext): Response {
  actorFor(c, 'letters.preview')
  const { letter } = previewOf(c)
  c.header('content-security-policy', LETTER_POLICY)
  c.header('x-frame-options', 'SAMEORIGIN')
  return c.html(letter.html)
}

const sending = z.object({
  draft: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .optional(),
})

async function sendTest(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'letters.preview')
  const kind = letterKind(c.req.param('kind') ?? '')
  const { values } = await readForm(c, sending)
  await sendTestLetter(c.get('desk').db, actor, kind, values?.draft ?? newDraft())
  return c.redirect(`/desk/letters/${kind}?sent=yes`, 303)
}

/** Every letter with made-up facts, for administrators. */
export function addLetters(app: App): void {
  app.get('/desk/letters', list)
  app.get('/desk/letters/:kind', show)
  app.get('/desk/letters/:kind/html', showHtml)
  app.post('/desk/letters/:kind/test', sendTest)
}
