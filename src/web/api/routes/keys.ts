import { z } from 'zod'
import { setKeyEnabled } from '../../../keyring/keys.ts'
import { id } from '../fields.ts'
import { NO_INPUT, personRoute } from '../route.ts'

const SWITCH = {
  ...NO_INPUT,
  method: 'post',
  tag: 'Services and keys',
  access: 'keys.manage',
  stepUp: true,
  idempotent: false,
  params: z.strictObject({ id }),
  refusals: ['NOT_FOUND'],
} as const

const disable = personRoute(
  {
    ...SWITCH,
    path: '/v1/keys/:id/disable',
    operation: 'disableKey',
    summary: 'Refuse a key, all its versions, from now on',
    answer: { status: 204, schema: null, says: 'It is refused, until it is enabled again.' },
  },
  async ({ desk, actor, params }) => {
    await setKeyEnabled(desk.db, actor, params.id, false)
    return undefined
  },
)

const enable = personRoute(
  {
    ...SWITCH,
    path: '/v1/keys/:id/enable',
    operation: 'enableKey',
    summary: 'Accept a disabled key again',
    answer: { status: 204, schema: null, says: 'It is accepted as before.' },
  },
  async ({ desk, actor, params }) => {
    await setKeyEnabled(desk.db, actor, params.id, true)
    return undefined
  },
)

export const keyRoutes = [disable, enable]
