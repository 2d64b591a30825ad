import { z } from 'zod'
import { acceptInvitation, findInvitation } from '../../identity/members/invitations.ts'
import { Refusal } from '../../rules/refusals.ts'
import { ROLE_WORDS } from '../../rules/text/words.ts'
import type { App, WebContext } from '../context.ts'
import { orAskAgain, type Problems, readForm } from '../forms/form.ts'
import { setSession } from '../session-cookie.ts'
import { shownEnrolment } from '../shown/enrolment.ts'
import { showPage } from '../shown/page.ts'

const acceptance = z.object({
  password: z.string().min(1, 'Enter a password.'),
  code: z.string().trim().min(1, 'Enter the 6 digits that the app shows for Rekey now.'),
})

async function show(c: WebContext, token: string, problems?: Problems): Promise<Response> {
  const { db, sealer } = c.get('desk')
  const invitation = await findInvitation(db, sealer, token)
  if (invitation === null) throw new Refusal('INVITATION_VOID')
  const { organisation, role, recovery, name, email, enrolment } = invitation
  return showPage(c, 'invitation', {
    title: recovery ? 'Get your access back' : 'Join Rekey',
    recovery,
    action: `/invitations/${token}`,
    organisationName: organisation,
    roleWord: ROLE_WORDS[role],
    name,
    email,
    enrolment: enrolment === null ? null : shownEnrolment(enrolment),
    ...(problems === undefined ? {} : { problems }),
  })
}

async function accept(c: WebContext, token: string): Promise<Response> {
  const { db, sealer } = c.get('desk')
  const { values, problems } = await readForm(c, acceptance)
  if (problems !== null) return show(c, token, problems)
  const origin = { network: c.get('address'), userAgent: c.req.header('user-agent') ?? '' }
  return orAskAgain(
    async () => {
      const { sessionToken } = await acceptInvitation(db, sealer, token, { ...values, ...origin })
      setSession(c, sessionToken)
      return c.redirect('/', 303)
    },
    (problems) => show(c, token, problems),
    { NOT_AUTHENTICATED: 'password' },
  )
}

export function addInvitations(app: App): void {
  app.get('/invitations/:token', (c) => show(c, c.req.param('token')))
  app.post('/invitations/:token', (c) => accept(c, c.req.param('token')))
}
