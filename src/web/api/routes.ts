import type { App } from '../context.ts'
import { createOpenApi } from './openapi.ts'
import type { Route } from './route.ts'
import { auditRoutes } from './routes/audit.ts'
import { gatewayRoutes } from './routes/gateways.ts'
import { keyRoutes } from './routes/keys.ts'
import { meRoutes } from './routes/me.ts'
import { moveRoutes } from './routes/moves.ts'
import { organisationRoutes } from './routes/organisations.ts'
import { probeRoutes } from './routes/probes.ts'
import { rotationRoutes } from './routes/rotations.ts'
import { serviceRoutes } from './routes/services.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { verifyRoutes } from './routes/verify.ts'

/** The whole API. What is not here is neither served nor documented. */
export const API_ROUTES: readonly Route[] = [
  ...probeRoutes,
  ...meRoutes,
  ...tokenRoutes,
  ...organisationRoutes,
  ...gatewayRoutes,
  ...serviceRoutes,
  ...keyRoutes,
  ...rotationRoutes,
  ...moveRoutes,
  ...verifyRoutes,
  ...auditRoutes,
]

/** Serves every route, the document that is made of the same table, and its reader. */
export function addApi(app: App): void {
  for (const route of API_ROUTES) route.add(app)
  let text: string | undefined
  app.get('/openapi.json', (c) => {
    text ??= JSON.stringify(createOpenApi(API_ROUTES, c.get('desk').config.publicUrl))
    return c.body(text, 200, { 'content-type': 'application/json' })
  })
  app.get('/docs', (c) => c.html(c.get('views').render('docs', {})))
}
