import { findPersonalTokens } from '../../../database/people/sessions.ts'
import { revokePersonalToken } from '../../../identity/tokens/tokens.ts'
import { isScope, SCOPE_WORDS } from '../../../rules/token-scopes.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { showPage } from '../../shown/page.ts'
import { shownTime, shownTimeOrNull } from '../../shown/times.ts'

async function show(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'tokens.manage')
  const { timeZone } = bearerOf(c)
  const tokens = await findPersonalTokens(c.get('desk').db, actor)
  return showPage(c, 'tokens', {
    title: 'API tokens',
    tokens: tokens.map(({ scopes, ipRanges, createdAt, expiresAt, lastUsedAt, ...token }) => ({
      ...token,
      mayDo:
        scopes.length === 0
          ? 'everything that you may do'
          : scopes
              .filter(isScope)
              .map((scope) => SCOPE_WORDS[scope])
              .join('; '),
      ipRanges: ipRanges.join(', '),
      createdAt: shownTime(createdAt, timeZone),
      expiresAt: shownTime(expiresAt, timeZone),
      lastUsedAt: shownTimeOrNull(lastUsedAt, timeZone),
    })),
  })
}

/** A person's tokens that still work, each with what it may do, and the way to end it. */
export function addTokens(app: App): void {
  app.get('/tokens', (c) => show(c))
  app.post('/tokens/:id/revocation', async (c) => {
    await revokePersonalToken(c.get('desk').db, actorFor(c, 'tokens.manage'), c.req.param('id'))
    return c.redirect('/tokens', 303)
  })
}
