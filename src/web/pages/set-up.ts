import { z } from 'zod'
import { findWhetherAdminExists } from '../../database/people/people.ts'
import { createFirstAdmin } from '../../identity/members/first-admin.ts'
import type { App, WebContext } from '../context.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../forms/form.ts'
import { showPage } from '../shown/page.ts'

const firstAdmin = z.object({
  setUpCode: z.string().trim().min(1, 'Enter the set-up code.'),
  name: z.string().trim().min(1, 'Enter your name.'),
  email: z.string().trim().min(1, 'Enter your email address.'),
})

function ask(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  return showPage(c, 'set-up', { title: 'Set up this desk', ...again })
}

async function setUp(c: WebContext): Promise<Response> {
  const { values, typed, problems } = await readForm(c, firstAdmin)
  if (problems !== null) return ask(c, { values: typed, problems })
  const { setUpCode, ...person } = values
  return orAskAgain(
    async () => {
      const admin = await createFirstAdmin(c.get('desk').db, setUpCode, person, c.get('address'))
      return c.redirect(admin.invitationPath, 303)
    },
    (problems) => ask(c, { values: typed, problems }),
    { SET_UP_VOID: 'setUpCode', TOO_MANY_REQUESTS: 'setUpCode', ALREADY_MEMBER: 'email' },
  )
}

/** The page of a desk that nobody runs yet; afterwards it leads to the sign-in. */
export function addSetUp(app: App): void {
  app.use('/set-up', async (c, next) => {
    if (await findWhetherAdminExists(c.get('desk').db)) return c.redirect('/sign-in', 303)
    return next()
  })
  app.get('/set-up', (c) => ask(c))
  app.post('/set-up', setUp)
}
