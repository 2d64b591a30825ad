import { z } from 'zod'
import { finishWithRecoveryCode } from '../../../identity/sign-in/sign-in.ts'
import type { App, WebContext } from '../../context.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { sessionTokenOf, setSession } from '../../session-cookie.ts'
import { showPage } from '../../shown/page.ts'

const proof = z.object({ code: z.string().trim().min(1, 'Enter one of your recovery codes.').max(100) })

function ask(c: WebContext, problems?: Problems): Promise<Response> {
  return showPage(c, 'recovery-sign-in', {
    title: 'Use a recovery code',
    ...(problems === undefined ? {} : { problems }),
  })
}

async function finish(c: WebContext): Promise<Response> {
  const { values, problems } = await readForm(c, proof)
  const sessionToken = sessionTokenOf(c)
  if (c.get('bearer')?.complete !== false || sessionToken === undefined) return c.redirect('/sign-in', 303)
  if (problems !== null) return ask(c, problems)
  const run = async () => {
    const renewed = await finishWithRecoveryCode(c.get('desk').db, sessionToken, values.code)
    setSession(c, renewed.sessionToken)
    // Whoever needed it has no code device at hand, and nothing sensitive can be done without one.
    return c.redirect('/account/code-device', 303)
  }
  return orAskAgain(run, (problems) => ask(c, problems))
}

/** The step after the password for whoever has lost their code device. */
export function addRecoverySignIn(app: App): void {
  app.get('/sign-in/recovery-code', async (c) => {
    const waiting = c.get('bearer')?.complete === false
    return waiting ? ask(c) : c.redirect('/sign-in', 303)
  })
  app.post('/sign-in/recovery-code', finish)
}
