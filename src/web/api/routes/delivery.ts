import { z } from 'zod'
import { findService } from '../../../database/keys/services.ts'
import { reissueVersion } from '../../../desk/reissue/reissue.ts'
import { acknowledgeVersion, fetchSealed } from '../../../keyring/delivery/sealed.ts'
import { setDelivery } from '../../../keyring/delivery/set-delivery.ts'
import { id } from '../fields.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const deliver = personRoute(
  {
    ...NO_INPUT,
    method: 'put',
    path: '/v1/services/:id/delivery',
    operation: 'setDelivery',
    summary: 'Have new secrets of a service encrypted to an age recipient, or shown once',
    tag: 'Services and keys',
    access: 'delivery.manage',
    stepUp: true,
    idempotent: false,
    params: z.strictObject({ id }),
    body: z.strictObject({
      ageRecipient: z
        .string()
        .max(1_000)
        .nullable()
        .meta({ description: 'The public key that age-keygen prints, age1…; null: shown once.' }),
    }),
    answer: { status: 200, schema: shapes.service, says: 'The service. It counts for every secret made from now on.' },
    refusals: ['NOT_FOUND', 'ON_HOLD', 'RECIPIENT_REFUSED'],
  },
  async ({ desk, actor, params, body }) => {
    await setDelivery(desk.db, actor, params.id, body.ageRecipient)
    return findService(desk.db, actor, params.id)
  },
)

const fetchFile = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/versions/:id/sealed',
    operation: 'fetchSealed',
    summary: 'A new secret as an age file, any number of times until it is acknowledged',
    tag: 'Services and keys',
    access: 'versions.fetchSealed',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ id }),
    answer: {
      status: 200,
      schema: null,
      file: 'application/octet-stream',
      says: 'The age file: age --decrypt -i identity.txt',
    },
    refusals: ['NOT_FOUND', 'NOT_SEALED', 'ILLEGAL_MOVE'],
  },
  ({ desk, actor, params }) => fetchSealed(desk.db, actor, params.id),
)

const acknowledge = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/versions/:id/acknowledgement',
    operation: 'acknowledgeVersion',
    summary: 'Say that the age file was opened and the key stored; the file is gone then',
    tag: 'Services and keys',
    access: 'versions.fetchSealed',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ id }),
    answer: { status: 200, schema: shapes.receipt, says: 'The receipt. Said again, the same one.' },
    refusals: ['NOT_FOUND', 'ON_HOLD', 'NOT_SEALED', 'ILLEGAL_MOVE'],
  },
  ({ desk, actor, params }) => acknowledgeVersion(desk.db, actor, params.id),
)

const reissue = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/versions/:id/reissue',
    operation: 'reissueVersion',
    summary: 'Make a new key anew whose secret was lost, without touching the old one',
    tag: 'Services and keys',
    access: 'versions.reissue',
    stepUp: true,
    idempotent: true,
    params: z.strictObject({ id }),
    answer: { status: 201, schema: shapes.reissued, says: 'The version in its place, to be picked up.' },
    refusals: ['NOT_FOUND', 'ON_HOLD', 'COOLDOWN_TOO_LONG', 'ILLEGAL_MOVE'],
  },
  ({ desk, actor, params }) => reissueVersion(desk.db, desk.maker, actor, params.id),
)

export const deliveryRoutes = [deliver, fetchFile, acknowledge, reissue]
