import { z } from 'zod'
import { askForPasswordReset, findPasswordReset, resetPassword } from '../../../identity/account/password-reset.ts'
import { Refusal } from '../../../rules/refusals.ts'
import type { App, WebContext } from '../../context.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'

const address = z.object({ email: z.string().trim().min(1, 'Enter your email address.').max(1_000) })
const proof = z.object({
  newPassword: z.string().min(1, 'Enter a new password.'),
  code: z
    .string()
    .trim()
    .min(1, 'Enter the 6 digits that your authenticator app shows now, or a recovery code.')
    .max(100),
})

function ask(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  return showPage(c, 'forgot-password', {
    title: 'Forgot your password?',
    sent: c.req.query('sent') === 'yes',
    ...again,
  })
}

async function send(c: WebContext): Promise<Response> {
  const { values, typed, problems } = await readForm(c, address)
  if (problems !== null) return ask(c, { values: typed, problems })
  const run = async () => {
    await askForPasswordReset(c.get('desk').db, { email: values.email, network: c.get('address') })
    return c.redirect('/forgot-password?sent=yes', 303)
  }
  return orAskAgain(run, (problems) => ask(c, { values: typed, problems }), { TOO_MANY_REQUESTS: 'email' })
}

/** Opening the link changes nothing: whoever scans letters for their reader opens it too. */
async function askForNew(c: WebContext, token: string, problems?: Problems): Promise<Response> {
  const reset = await findPasswordReset(c.get('desk').db, token)
  if (reset === null) throw new Refusal('RESET_VOID')
  return showPage(c, 'reset-password', {
    title: 'Set a new password',
    action: `/reset-password/${token}`,
    email: reset.email,
    ...(problems === undefined ? {} : { problems }),
  })
}

async function set(c: WebContext, token: string): Promise<Response> {
  const { values, problems } = await readForm(c, proof)
  if (problems !== null) return askForNew(c, token, problems)
  const { db, sealer } = c.get('desk')
  const run = async () => {
    await resetPassword(db, sealer, token, values)
    return showPage(c, 'password-set', { title: 'Your new password is set' })
  }
  return orAskAgain(run, (problems) => askForNew(c, token, problems))
}

/** For whoever forgot their password: a link by mail, and the code device or a recovery code beside it. */
export function addPasswordReset(app: App): void {
  app.get('/forgot-password', (c) => ask(c))
  app.post('/forgot-password', send)
  app.get('/reset-password/:token', (c) => askForNew(c, c.req.param('token')))
  app.post('/reset-password/:token', (c) => set(c, c.req.param('token')))
}
