import { z } from 'zod'
import { isMigrated } from '../../../database/migrate.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { NO_INPUT, openRoute } from '../route.ts'

const up = z.object({ status: z.literal('up') }).meta({ id: 'Up' })
// Probes are asked by machines that may put what they like behind a question mark.
const query = z.looseObject({})
const PROBE = {
  ...NO_INPUT,
  query,
  method: 'get',
  tag: 'Probes',
  access: 'public',
  stepUp: false,
  idempotent: false,
} as const

const healthz = openRoute(
  {
    ...PROBE,
    path: '/healthz',
    operation: 'isUp',
    summary: 'Whether the process is up',
    answer: { status: 200, schema: up, says: 'It is.' },
    refusals: [],
  },
  async ({ c }) => c.json({ status: 'up' }),
)

const readyz = openRoute(
  {
    ...PROBE,
    path: '/readyz',
    operation: 'isReady',
    summary: 'Whether the database can be reached and its schema is current',
    answer: { status: 200, schema: up, says: 'It is.' },
    refusals: ['UNAVAILABLE'],
  },
  async ({ c, desk }) => {
    if (!(await isMigrated(desk.db))) {
      throw new Refusal('UNAVAILABLE', { detail: 'The schema is older than this program.' })
    }
    return c.json({ status: 'up' })
  },
)

export const probeRoutes = [healthz, readyz]
