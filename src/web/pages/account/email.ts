import { z } from 'zod'
import { askForEmailChange, confirmEmailChange, findEmailChange } from '../../../identity/account/email-change.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { wouldBeHeld } from './held.ts'

const wish = z.object({
  email: z.string().trim().min(1, 'Enter your new email address.'),
  code: z.string().optional(),
})

async function ask(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const { email } = bearerOf(c)
  return showPage(c, 'change-email', {
    title: 'Change your email address',
    email,
    held: wouldBeHeld(c),
    askCode: await needsCode(c),
    ...again,
  })
}

async function send(c: WebContext): Promise<Response> {
  const bearer = bearerOf(c)
  const { values, typed, problems } = await readForm(c, wish)
  const again = (problems: Problems) => ask(c, { values: typed, problems })
  if (problems !== null) return again(problems)
  const run = async () => {
    await confirmWithCode(c, values.code)
    await askForEmailChange(c.get('desk').db, bearer, { email: values.email })
    return c.redirect('/account/security?done=email', 303)
  }
  return orAskAgain(run, again, { TOO_MANY_REQUESTS: 'email' })
}

/** Opening the link changes nothing: whoever scans letters for their reader opens it too. */
async function showConfirmation(c: WebContext, token: string): Promise<Response> {
  const change = await findEmailChange(c.get('desk').db, token)
  if (change === null) throw new Refusal('RESET_VOID')
  return showPage(c, 'confirm-email', {
    title: 'Confirm your new address',
    action: `/email-change/${token}`,
    ...change,
  })
}

async function confirm(c: WebContext, token: string): Promise<Response> {
  await confirmEmailChange(c.get('desk').db, token, c.get('bearer'))
  return showPage(c, 'email-changed', {
    title: 'Your address is changed',
    signedIn: c.get('bearer')?.complete === true,
  })
}

/** Changing the address that one signs in with: asked for here, and confirmed by the link in the letter to the new one. */
export function addEmail(app: App): void {
  app.get('/account/email', (c) => ask(c))
  app.post('/account/email', send)
  app.get('/email-change/:token', (c) => showConfirmation(c, c.req.param('token')))
  app.post('/email-change/:token', (c) => confirm(c, c.req.param('token')))
}
