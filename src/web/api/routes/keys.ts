import { z } from 'zod'
import type { Db } from '../../../database/connect.ts'
import { findKey, type KeyView } from '../../../database/keys/services.ts'
import { deleteKey } from '../../../desk/trouble/delete-key.ts'
import { createKey } from '../../../keyring/keys/create.ts'
import { editKey } from '../../../keyring/keys/edit.ts'
import { setKeyEnabled } from '../../../keyring/keys/switch.ts'
import type { PersonActor } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { id, moment } from '../fields.ts'
import { keyFields, stopped } from '../key-shapes.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const KEY = {
  ...NO_INPUT,
  tag: 'Services and keys',
  access: 'keys.manage',
  stepUp: true,
  idempotent: false,
  params: z.strictObject({ id }),
} as const

/** The key as the API shows it. Refuses NOT_FOUND. */
async function seenKey(db: Db, actor: PersonActor, keyId: string): Promise<KeyView> {
  const found = await findKey(db, actor, keyId)
  if (found === undefined) throw new Refusal('NOT_FOUND')
  return found.key
}

const create = personRoute(
  {
    ...KEY,
    method: 'post',
    path: '/v1/services/:id/keys',
    operation: 'createKey',
    summary: 'Make a key in a service',
    idempotent: true,
    body: z.strictObject({
      kind: shapes.kind,
      name: keyFields.name,
      description: keyFields.description.optional(),
      permission: keyFields.permission,
      ipRanges: keyFields.ipRanges.optional(),
      datasets: keyFields.datasets.optional(),
      expiresAt: moment.optional().meta({ description: 'When it ends by itself; never, left out.' }),
    }),
    answer: { status: 201, schema: shapes.key, says: 'The key. Reveal its version to see the secret, once.' },
    refusals: ['NOT_FOUND', 'TOO_MANY_KEYS'],
  },
  async ({ desk, actor, params, body }) => {
    const made = await createKey(desk.db, desk.maker, actor, params.id, body)
    return seenKey(desk.db, actor, made.id)
  },
)

const show = personRoute(
  {
    ...KEY,
    method: 'get',
    path: '/v1/keys/:id',
    operation: 'showKey',
    summary: 'One key with its versions, never a secret',
    access: 'services.view',
    stepUp: false,
    answer: { status: 200, schema: shapes.key, says: 'The key.' },
    refusals: ['NOT_FOUND'],
  },
  ({ desk, actor, params }) => seenKey(desk.db, actor, params.id),
)

const edit = personRoute(
  {
    ...KEY,
    method: 'patch',
    path: '/v1/keys/:id',
    operation: 'editKey',
    summary: 'Change what a key is called, may do, and from where; for all its versions, from now on',
    body: z.strictObject(keyFields).partial(),
    answer: { status: 200, schema: shapes.key, says: 'The key as it is now. What was left out stays.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params, body }) => {
    await editKey(desk.db, actor, params.id, body)
    return seenKey(desk.db, actor, params.id)
  },
)

const remove = personRoute(
  {
    ...KEY,
    method: 'delete',
    path: '/v1/keys/:id',
    operation: 'deleteKey',
    summary: 'Delete a key; every version of it is refused from now on',
    body: z.strictObject({
      confirmName: z.string().min(1).max(200).meta({ description: 'Its name, exactly.' }),
    }),
    answer: { status: 200, schema: stopped, says: 'It is gone, and this stopped with it.' },
    refusals: ['NOT_FOUND'],
  },
  ({ desk, actor, params, body }) => deleteKey(desk.db, actor, { keyId: params.id, confirmName: body.confirmName }),
)

const disable = personRoute(
  {
    ...KEY,
    method: 'post',
    path: '/v1/keys/:id/disable',
    operation: 'disableKey',
    summary: 'Refuse a key, all its versions, from now on',
    answer: { status: 204, schema: null, says: 'It is refused, until it is enabled again.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params }) => {
    await setKeyEnabled(desk.db, actor, params.id, false)
    return undefined
  },
)

const enable = personRoute(
  {
    ...KEY,
    method: 'post',
    path: '/v1/keys/:id/enable',
    operation: 'enableKey',
    summary: 'Accept a disabled key again',
    answer: { status: 204, schema: null, says: 'It is accepted as before.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params }) => {
    await setKeyEnabled(desk.db, actor, params.id, true)
    return undefined
  },
)

export const keyRoutes = [create, show, edit, remove, disable, enable]
