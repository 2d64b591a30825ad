import { z } from 'zod'
import { findPersonalTokens } from '../../database/people/sessions.ts'
import { createPersonalToken, revokePersonalToken } from '../../identity/tokens/tokens.ts'
import { DAY_SECONDS } from '../../rules/rotations/overlap.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { confirmWithCode, needsCode } from '../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../forms/form.ts'
import { newDraft, oncePerDraft } from '../forms/once.ts'
import { showMadeToken } from '../shown/made-token.ts'
import { showPage } from '../shown/page.ts'
import { shownTime, shownTimeOrNull } from '../shown/times.ts'

const LIFETIMES = [7, 30, 90, 365] as const
const newToken = z.object({
  draft: z.string(),
  name: z.string().trim().min(1, 'Enter a name.').max(100, 'Use at most 100 characters.'),
  days: z.coerce.number().pipe(z.union(LIFETIMES.map((days) => z.literal(days)))),
  code: z.string().optional(),
})

async function show(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const actor = actorFor(c, 'tokens.manage')
  const { timeZone } = bearerOf(c)
  const tokens = await findPersonalTokens(c.get('desk').db, actor, 'all')
  return showPage(c, 'tokens', {
    title: 'API tokens',
    tokens: tokens.map(({ id, name, last4, createdAt, expiresAt, lastUsedAt }) => ({
      id,
      name,
      last4,
      createdAt: shownTime(createdAt, timeZone),
      expiresAt: shownTime(expiresAt, timeZone),
      lastUsedAt: shownTimeOrNull(lastUsedAt, timeZone),
    })),
    lifetimes: LIFETIMES.map((days) => ({
      value: String(days),
      label: days === 365 ? '1 year' : `${days} days`,
      chosen: String(days) === (again?.values.days ?? '90'),
    })),
    draft: newDraft(),
    askCode: await needsCode(c),
    ...again,
  })
}

async function make(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'tokens.manage')
  const { values, typed, problems } = await readForm(c, newToken)
  if (problems !== null) return show(c, { values: typed, problems })
  const { name, days, draft } = values
  const run = async () => {
    await confirmWithCode(c, values.code)
    const expiresAt = new Date(Date.now() + days * DAY_SECONDS * 1000)
    const { token } = await createPersonalToken(c.get('desk').db, actor, { name, expiresAt })
    return showMadeToken(c, {
      title: 'Store your token',
      heading: 'Your token is ready',
      name,
      token,
      usage: 'Send it with each call as “Authorization: Bearer” and the token.',
      backHref: '/tokens',
    })
  }
  return orAskAgain(
    () => oncePerDraft(c, draft, run, async () => c.redirect('/tokens', 303)),
    (problems) => show(c, { values: typed, problems }),
  )
}

export function addTokens(app: App): void {
  app.get('/tokens', (c) => show(c))
  app.post('/tokens', make)
  app.post('/tokens/:id/revocation', async (c) => {
    await revokePersonalToken(c.get('desk').db, actorFor(c, 'tokens.manage'), c.req.param('id'))
    return c.redirect('/tokens', 303)
  })
}
