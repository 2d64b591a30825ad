import { Refusal } from '../../rules/refusals.ts'
import type { App, WebContext } from '../../web/context.ts'
import { showPage } from '../../web/shown/page.ts'
import { shownTime } from '../../web/shown/times.ts'
import type { Inbox, InboxLetter } from './inbox.ts'

const SHOWN_LETTERS = 200
/** A letter's own HTML: nothing of it works but its styles and links. */
const LETTER_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"

function findLetter(c: WebContext, inbox: Inbox): InboxLetter {
  const letter = inbox.numbered().get(Number(c.req.param('number')))
  if (letter === undefined) throw new Refusal('NOT_FOUND')
  return letter
}

/** What tells letters of one subject apart: the first sentence after the greeting. */
function firstSentence(text: string): string {
  const [, body = ''] = text.split(/\n\s*\n/)
  return body.replace(/\s+/g, ' ').match(/^.*?[.:!?](?= |$)/)?.[0] ?? body
}

function shownLetter({ to, from, subject, receivedAt }: InboxLetter) {
  return { to: to.join(', '), from, subject, receivedAt: shownTime(new Date(receivedAt), 'UTC') }
}

/** The text in pieces, of which those that are addresses of this desk can be followed. */
function pieces(text: string, publicUrl: string): { text: string; href: string | null }[] {
  return text.split(/(https?:\/\/\S+)/).map((piece) => {
    const isOwn = URL.canParse(piece) && new URL(piece).origin === publicUrl
    return { text: piece, href: isOwn ? piece : null }
  })
}

function addressChoices(inbox: Inbox, wanted: string) {
  const addresses = [...new Set(inbox.letters().flatMap((letter) => letter.to))].toSorted()
  return ['', ...addresses].map((address) => ({
    address,
    label: address === '' ? 'everybody' : address,
    chosen: address === wanted,
  }))
}

function showInbox(c: WebContext, inbox: Inbox) {
  const wanted = c.req.query('to') ?? ''
  const letters = [...inbox.numbered()]
    .filter(([, letter]) => wanted === '' || letter.to.includes(wanted))
    .toSorted(([a], [b]) => b - a)
    .slice(0, SHOWN_LETTERS)
    .map(([number, letter]) => ({ number, ...shownLetter(letter), sentence: firstSentence(letter.text) }))
  const selfHref = `/demo/inbox?to=${encodeURIComponent(wanted)}`
  return showPage(c, 'demo-inbox', { title: 'Letters', letters, addresses: addressChoices(inbox, wanted), selfHref })
}

async function showLetter(c: WebContext, letter: InboxLetter) {
  const headers = Object.entries(letter.headers).map(([name, value]) => ({ name, value }))
  const text = pieces(letter.text.trimEnd(), c.get('desk').config.publicUrl)
  const facts = { title: letter.subject, ...shownLetter(letter), text, headers, address: c.req.path }
  return showPage(c, 'demo-letter', { ...facts, hasHtml: letter.html !== '' })
}

function sendHtml(c: WebContext, letter: InboxLetter): Response {
  c.header('content-security-policy', LETTER_POLICY)
  return c.html(letter.html)
}

/** The letters that arrived: as pages for people, as JSON for scripts. */
export function addInboxPages(app: App, inbox: Inbox): void {
  app.get('/demo/inbox', (c) => showInbox(c, inbox))
  app.get('/demo/inbox.json', (c) => c.json(inbox.letters()))
  app.get('/demo/inbox/:number', (c) => showLetter(c, findLetter(c, inbox)))
  app.get('/demo/inbox/:number/html', (c) => sendHtml(c, findLetter(c, inbox)))
}
