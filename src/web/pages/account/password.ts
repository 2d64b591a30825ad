import { z } from 'zod'
import { changePassword } from '../../../identity/account/password.ts'
import { type App, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { wouldBeHeld } from './held.ts'

const wish = z.object({
  password: z.string().min(1, 'Enter your present password.'),
  newPassword: z.string().min(1, 'Enter a new password.'),
  code: z.string().optional(),
})

async function ask(c: WebContext, problems?: Problems): Promise<Response> {
  const { email } = bearerOf(c)
  const asked = { title: 'Change your password', email, held: wouldBeHeld(c), askCode: await needsCode(c) }
  return showPage(c, 'change-password', { ...asked, ...(problems === undefined ? {} : { problems }) })
}

async function change(c: WebContext): Promise<Response> {
  const bearer = bearerOf(c)
  const { values, problems } = await readForm(c, wish)
  if (problems !== null) return ask(c, problems)
  const { code, ...passwords } = values
  const run = async () => {
    await confirmWithCode(c, code)
    await changePassword(c.get('desk').db, bearer, { ...passwords, network: c.get('address') })
    return c.redirect('/account/security?done=password', 303)
  }
  return orAskAgain(run, (problems) => ask(c, problems), { TOO_MANY_REQUESTS: 'password' })
}

/** Changing the password: the present one again, and a code. */
export function addPassword(app: App): void {
  app.get('/account/password', (c) => ask(c))
  app.post('/account/password', change)
}
