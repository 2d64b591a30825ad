import { type Action, roleMay } from '../../rules/permissions.ts'
import { type App, bearerOf, type WebContext } from '../context.ts'
import { showPage } from '../shown/page.ts'

type Row = { href: string; label: string; hint: string; needs?: Action }

/** What people set for themselves. */
const ACCOUNT: readonly Row[] = [
  {
    href: '/account/security',
    label: 'My security',
    hint: 'Password, email address, code device, recovery codes, and where you are signed in.',
  },
  { href: '/tokens', label: 'API tokens', hint: 'Let scripts act as you.' },
  { href: '/account/notifications', label: 'Letters you get', hint: 'What you get letters about.' },
  {
    href: '/permission-review',
    label: 'Review of permissions',
    hint: 'What your keys may do, against what they did.',
    needs: 'reviews.carryOut',
  },
  {
    href: '/suspicions',
    label: 'Suspicious use',
    hint: 'Keys of yours that are used in an unusual way.',
    needs: 'suspicions.dismiss',
  },
  { href: '/time-zone', label: 'Time zone', hint: 'In which pages and letters tell you times.' },
  {
    href: '/shortcuts',
    label: 'Keyboard shortcuts',
    hint: 'Single keys that lead through the queue, on or off.',
    needs: 'rotations.decide',
  },
]

/** What the staff look after, beside the queue. */
const DESK: readonly Row[] = [
  {
    href: '/rotations/new',
    label: 'File on behalf',
    hint: 'For an owner who asked you to; two others approve it.',
    needs: 'rotations.submitOnBehalf',
  },
  {
    href: '/desk/policy',
    label: 'Approval rules',
    hint: 'How many approvals a request needs, and who would be asked now.',
    needs: 'policy.view',
  },
  {
    href: '/desk/policies',
    label: 'Policies',
    hint: 'Longest overlap, approvals, self-service, ages and caps; for the desk and for single services.',
    needs: 'policy.manage',
  },
  { href: '/people', label: 'Staff', hint: 'Who works here, and as what.', needs: 'staff.manage' },
  {
    href: '/desk/recovery',
    label: 'Recovery cases',
    hint: 'Giving access back to somebody who lost it, or an owner to an organisation without one.',
    needs: 'recovery.manage',
  },
  {
    href: '/permission-review',
    label: 'Reviews of permissions',
    hint: 'When each organisation last looked at what its keys may do.',
    needs: 'reviews.view',
  },
  {
    href: '/suspicions',
    label: 'Suspicious use',
    hint: 'Keys that are used in an unusual way, of all organisations.',
    needs: 'suspicions.view',
  },
  {
    href: '/desk/leaks',
    label: 'Leaked keys',
    hint: 'Keys that were found where everybody can read them.',
    needs: 'leaks.view',
  },
  {
    href: '/desk/imports',
    label: 'Import keys',
    hint: 'Bring in the keys that customers have already, by their hashes.',
    needs: 'imports.manage',
  },
  { href: '/gateways', label: 'Gateways', hint: 'Who may ask whether a key is good.', needs: 'gateways.manage' },
  {
    href: '/webhooks',
    label: 'Webhooks',
    hint: 'Programs of the desk’s that hear of every organisation’s rotations.',
    needs: 'webhooks.manage',
  },
  {
    href: '/desk/canned-answers',
    label: 'Canned answers',
    hint: 'Texts that agents write again and again.',
    needs: 'cannedAnswers.manage',
  },
  {
    href: '/desk/letters',
    label: 'Letters',
    hint: 'How each letter looks; have one sent to you.',
    needs: 'letters.preview',
  },
  { href: '/desk/health', label: 'Health', hint: 'Queue, mail, database and worker.', needs: 'health.view' },
]

async function showHub(c: WebContext, title: string, lead: string, rows: readonly Row[]): Promise<Response> {
  const { role } = bearerOf(c).actor
  return showPage(c, 'hub', {
    title,
    lead,
    rows: rows.filter(({ needs }) => needs === undefined || roleMay(role, needs)),
  })
}

/** Pages that lead to the smaller pages. */
export function addHubs(app: App): void {
  app.get('/account', (c) => showHub(c, 'Your account', 'What concerns you alone.', ACCOUNT))
  app.get('/desk', async (c) => {
    const { role } = bearerOf(c).actor
    if (!roleMay(role, 'rotations.decide')) return c.redirect('/account', 303)
    return showHub(c, 'Desk', 'What the staff look after, beside the queue.', DESK)
  })
}
