import { z } from 'zod'
import type { Db } from '../../../database/connect.ts'
import { findService } from '../../../database/keys/services.ts'
import { findPolicy, findServicePolicies, servicePolicyOf } from '../../../database/policy.ts'
import type { Viewer } from '../../../database/rotations/views.ts'
import { changePolicy } from '../../../desk/policies/desk-policy.ts'
import { changePolicyOfService } from '../../../desk/policies/service-policy.ts'
import { effectivePolicy } from '../../../rules/policy.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { id } from '../fields.ts'
import * as shapes from '../policy-shapes.ts'
import { NO_INPUT, personRoute } from '../route.ts'

const FIELDS = {
  ...NO_INPUT,
  tag: 'Policies',
  idempotent: false,
} as const

async function deskAnswer(db: Db) {
  return shapes.asAnswer(await findPolicy(db))
}

/** Refuses NOT_FOUND. */
async function serviceAnswer(db: Db, viewer: Viewer, serviceId: string) {
  if ((await findService(db, viewer, serviceId)) === undefined) throw new Refusal('NOT_FOUND')
  const row = (await findServicePolicies(db, [serviceId])).get(serviceId)
  const own = servicePolicyOf(row)
  const effective = effectivePolicy(await findPolicy(db), own)
  return { serviceId, revision: row?.revision ?? 0, ...shapes.asAnswer(effective), own: shapes.asAnswer(own) }
}

const show = personRoute(
  {
    ...FIELDS,
    method: 'get',
    path: '/v1/policy',
    operation: 'showPolicy',
    summary: 'The policy of the desk',
    access: 'policy.manage',
    stepUp: false,
    answer: { status: 200, schema: shapes.deskPolicy, says: 'The policy.' },
    refusals: [],
  },
  ({ desk }) => deskAnswer(desk.db),
)

const change = personRoute(
  {
    ...FIELDS,
    method: 'patch',
    path: '/v1/policy',
    operation: 'changePolicy',
    summary: 'Change the policy of the desk, for what is filed from now on',
    access: 'policy.manage',
    stepUp: true,
    body: shapes.deskPolicyChanges,
    answer: { status: 200, schema: shapes.deskPolicy, says: 'The policy as it is now.' },
    refusals: ['STALE_REVISION'],
  },
  async ({ desk, actor, body }) => {
    await changePolicy(desk.db, actor, shapes.asChanges(body), body.revision)
    return deskAnswer(desk.db)
  },
)

const showOfService = personRoute(
  {
    ...FIELDS,
    method: 'get',
    path: '/v1/services/:id/policy',
    operation: 'showServicePolicy',
    summary: 'The policy that holds for a service, and what of it is its own',
    access: 'services.view',
    stepUp: false,
    params: z.strictObject({ id }),
    answer: { status: 200, schema: shapes.servicePolicy, says: 'The policy.' },
    refusals: ['NOT_FOUND'],
  },
  ({ desk, actor, params }) => serviceAnswer(desk.db, actor, params.id),
)

const changeOfService = personRoute(
  {
    ...FIELDS,
    method: 'patch',
    path: '/v1/services/:id/policy',
    operation: 'changeServicePolicy',
    summary: 'Change what is set for a service, for what is filed from now on',
    access: 'policy.manage',
    stepUp: true,
    params: z.strictObject({ id }),
    body: shapes.servicePolicyChanges,
    answer: { status: 200, schema: shapes.servicePolicy, says: 'The policy as it is now.' },
    refusals: ['NOT_FOUND', 'STALE_REVISION'],
  },
  async ({ desk, actor, params, body }) => {
    await changePolicyOfService(desk.db, actor, params.id, shapes.asChanges(body), body.revision)
    return serviceAnswer(desk.db, actor, params.id)
  },
)

export const policyRoutes = [show, change, showOfService, changeOfService]
