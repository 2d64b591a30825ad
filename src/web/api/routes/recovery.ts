import { z } from 'zod'
import { stopInEmergency } from '../../../desk/trouble/emergency-stop.ts'
import { id, neededLines } from '../fields.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const stop = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/recovery-cases/:id/emergency-revocation',
    operation: 'stopInEmergency',
    summary: 'Stop keys of a verified caller who can’t sign in, at once and for good; it reveals nothing',
    tag: 'Services and keys',
    access: 'keys.emergencyRevoke',
    stepUp: true,
    idempotent: true,
    params: z.strictObject({ id }),
    body: z.strictObject({ keyIds: z.array(id).min(1).max(100), reason: neededLines }),
    answer: { status: 201, schema: shapes.stoppedKeys, says: 'The keys that were stopped by this call.' },
    refusals: ['NOT_FOUND', 'OWN_CASE', 'ILLEGAL_MOVE', 'CONTAINS_SECRET'],
  },
  ({ desk, actor, params, body }) => stopInEmergency(desk.db, actor, params.id, body),
)

export const recoveryRoutes = [stop]
