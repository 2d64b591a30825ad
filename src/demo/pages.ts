import { ROLE_WORDS } from '../rules/text/words.ts'
import type { App, WebContext } from '../web/context.ts'
import { showPage } from '../web/shown/page.ts'
import { currentCodes } from './codes.ts'
import type { DemoFile } from './demo-file.ts'
import type { Inbox } from './inbox/inbox.ts'
import { addInboxPages } from './inbox/inbox-pages.ts'
import type { Receiver } from './webhooks/receiver.ts'
import { addWebhookPages } from './webhooks/webhook-pages.ts'

/** Addresses are shown with the code that goes with them, as on an authenticator's screen: three digits and three. */
async function shownPeople({ people }: DemoFile) {
  const { codes, secondsLeft } = await currentCodes(people)
  const shown = people.map(({ email, name, password, role, organisation }) => ({
    email,
    name,
    password,
    roleWord: ROLE_WORDS[role],
    organisation: organisation ?? 'the desk',
    code: (codes[email] ?? '').replace(/^(...)/, '$1 '),
  }))
  return { people: shown, secondsLeft }
}

/** What only the demo has: who can sign in, their codes, the letters and webhooks. Nothing here asks who looks. */
export function addDemoPages(app: App, demo: DemoFile, inbox: Inbox, receiver: Receiver): void {
  const show = (page: string, title: string) => async (c: WebContext) =>
    showPage(c, page, { title, ...(await shownPeople(demo)) })
  app.get('/demo', show('demo', 'The demo'))
  app.get('/demo/codes', show('demo-codes', 'One-time codes'))
  app.get('/demo/codes.json', async (c) => c.json((await currentCodes(demo.people)).codes))
  addInboxPages(app, inbox)
  addWebhookPages(app, receiver, demo.webhook?.secret ?? '')
}
