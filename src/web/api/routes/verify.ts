import { z } from 'zod'
import { PERMISSIONS } from '../../../rules/keys/verdict.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { bearerToken } from '../../authentication.ts'
import { NO_INPUT, openRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const presented = z.strictObject({
  key: z.string(),
  ip: z
    .union([z.ipv4(), z.ipv6()], 'Give one IPv4 or IPv6 address.')
    .optional()
    .meta({ description: "The end client's address as the gateway saw it." }),
  permission: z.enum(PERMISSIONS).optional().meta({ description: 'Asks for at least this.' }),
  dataset: z.string().max(200).optional(),
  tags: z.array(z.string().max(100)).max(20).optional(),
})

const verify = openRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/keys/verify',
    operation: 'verifyKey',
    summary: 'Ask whether a key is good, now',
    tag: 'Verify',
    access: 'gateway',
    stepUp: false,
    idempotent: false,
    body: presented,
    answer: { status: 200, schema: shapes.verification, says: 'The verdict, whatever it is.' },
    refusals: [],
  },
  async ({ c, desk, body }) => {
    const token = bearerToken(c)
    if (token === undefined) throw new Refusal('NOT_AUTHENTICATED')
    return c.json(await desk.verify(token, body))
  },
)

export const verifyRoutes = [verify]
