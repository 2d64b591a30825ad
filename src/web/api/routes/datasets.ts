import { z } from 'zod'
import { findDataset, findDatasets } from '../../../database/keys/datasets.ts'
import { createDataset } from '../../../keyring/keys/create-dataset.ts'
import { cursor, id, limit, name } from '../fields.ts'
import { dataset, newDataset } from '../key-shapes.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import { listOf } from '../shapes.ts'

const create = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/datasets',
    operation: 'createDataset',
    summary: 'Make a dataset in a service, with a key of its own',
    tag: 'Services and keys',
    access: 'keys.manage',
    stepUp: true,
    idempotent: true,
    body: z.strictObject({ name, serviceId: id }),
    answer: { status: 201, schema: newDataset, says: 'The dataset, and the key that was made with it.' },
    refusals: ['NOT_FOUND', 'NAME_TAKEN', 'TOO_MANY_KEYS'],
  },
  async ({ desk, actor, body }) => {
    const made = await createDataset(desk.db, desk.maker, actor, body)
    return { ...(await findDataset(desk.db, actor, made.id)), keyId: made.keyId }
  },
)

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/datasets',
    operation: 'listDatasets',
    summary: 'Datasets, and which keys may be used for each',
    tag: 'Services and keys',
    access: 'services.view',
    stepUp: false,
    idempotent: false,
    query: z.strictObject({ serviceId: id.optional(), limit, cursor }),
    answer: { status: 200, schema: listOf(dataset), says: 'A page of datasets.' },
    refusals: [],
  },
  ({ desk, actor, query }) => findDatasets(desk.db, actor, query),
)

export const datasetRoutes = [create, list]
