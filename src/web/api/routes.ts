import { z } from 'zod'
import type { App } from '../context.ts'
import { createOpenApi } from './openapi.ts'
import { NO_INPUT, openRoute, type Route } from './route.ts'
import { assignmentRoutes } from './routes/assignment.ts'
import { auditRoutes } from './routes/audit.ts'
import { conversationRoutes } from './routes/conversation.ts'
import { datasetRoutes } from './routes/datasets.ts'
import { deliveryRoutes } from './routes/delivery.ts'
import { dependantRoutes } from './routes/dependants.ts'
import { followUpRoutes } from './routes/follow-ups.ts'
import { gatewayRoutes } from './routes/gateways.ts'
import { importRoutes } from './routes/imports.ts'
import { keyRoutes } from './routes/keys.ts'
import { leakReportRoutes } from './routes/leak-reports.ts'
import { meRoutes } from './routes/me.ts'
import { memberRoutes } from './routes/members.ts'
import { moveRoutes } from './routes/moves.ts'
import { organisationRoutes } from './routes/organisations.ts'
import { policyRoutes } from './routes/policy.ts'
import { probeRoutes } from './routes/probes.ts'
import { proposalRoutes } from './routes/proposals.ts'
import { recoveryRoutes } from './routes/recovery.ts'
import { rollRoutes } from './routes/roll.ts'
import { rotationRoutes } from './routes/rotations.ts'
import { serviceRoutes } from './routes/services.ts'
import { staffRoutes } from './routes/staff.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { troubleRoutes } from './routes/trouble.ts'
import { verifyRoutes } from './routes/verify.ts'
import { reviewRoutes } from './routes/watch/review.ts'
import { suspicionRoutes } from './routes/watch/suspicions.ts'
import { webhookRoutes } from './routes/webhooks.ts'

const document = openRoute(
  {
    ...NO_INPUT,
    query: z.looseObject({}),
    method: 'get',
    path: '/openapi.json',
    operation: 'describe',
    summary: 'This document',
    tag: 'Probes',
    access: 'public',
    stepUp: false,
    idempotent: false,
    answer: { status: 200, schema: z.looseObject({ openapi: z.string() }), says: 'OpenAPI 3.1.' },
    refusals: [],
  },
  async ({ c, desk }) => c.json(createOpenApi(API_ROUTES, desk.config.publicUrl)),
)

/** The whole API. What is not here is neither served nor documented. */
export const API_ROUTES: readonly Route[] = [
  ...probeRoutes,
  document,
  ...meRoutes,
  ...tokenRoutes,
  ...organisationRoutes,
  ...memberRoutes,
  ...staffRoutes,
  ...gatewayRoutes,
  ...serviceRoutes,
  ...keyRoutes,
  ...policyRoutes,
  ...dependantRoutes,
  ...rollRoutes,
  ...deliveryRoutes,
  ...datasetRoutes,
  ...recoveryRoutes,
  ...rotationRoutes,
  ...proposalRoutes,
  ...moveRoutes,
  ...followUpRoutes,
  ...troubleRoutes,
  ...conversationRoutes,
  ...assignmentRoutes,
  ...verifyRoutes,
  ...suspicionRoutes,
  ...leakReportRoutes,
  ...reviewRoutes,
  ...importRoutes,
  ...webhookRoutes,
  ...auditRoutes,
]

/** Serves every route, and the reader of the document that is made of the same table. */
export function addApi(app: App): void {
  for (const route of API_ROUTES) route.add(app)
  app.get('/docs', (c) => c.html(c.get('views').render('docs', {})))
}
