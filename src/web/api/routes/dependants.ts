import { z } from 'zod'
import { findDependant, findDependantPage, findNamedKey } from '../../../database/dependants/dependants.ts'
import { findTask } from '../../../database/dependants/tasks.ts'
import { completeTask, reopenTask } from '../../../desk/tasks/tick.ts'
import { addDependant } from '../../../keyring/dependants/add.ts'
import { removeDependant } from '../../../keyring/dependants/remove.ts'
import { DEPENDANT_TYPES } from '../../../rules/keys/dependants.ts'
import { cursor, id, limit, name } from '../fields.ts'
import { task } from '../rotation-shapes.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const DEPENDANTS = {
  ...NO_INPUT,
  tag: 'Services and keys',
  access: 'dependants.manage',
  stepUp: false,
  params: z.strictObject({ id }),
} as const

const dependant = z
  .object({
    id: z.string(),
    keyId: z.string(),
    type: z.enum(DEPENDANT_TYPES),
    name: z.string(),
    exactKey: z.boolean().meta({ description: 'It must hold the very key, so each new version makes a task of it.' }),
    createdAt: shapes.time,
  })
  .meta({ id: 'Dependant' })

const add = personRoute(
  {
    ...DEPENDANTS,
    method: 'post',
    path: '/v1/keys/:id/dependants',
    operation: 'addDependant',
    summary: 'Register what depends on a key',
    idempotent: true,
    body: z.strictObject({
      type: z.enum(DEPENDANT_TYPES),
      name,
      exactKey: z
        .boolean()
        .optional()
        .meta({ description: 'Whether it must hold the very key; left out: of a `kms` yes, of others no.' }),
    }),
    answer: { status: 201, schema: dependant, says: 'The dependant.' },
    refusals: ['NOT_FOUND', 'NAME_TAKEN'],
  },
  async ({ desk, actor, params, body }) => {
    const made = await addDependant(desk.db, actor, params.id, body)
    return findDependant(desk.db, made.id)
  },
)

const list = personRoute(
  {
    ...DEPENDANTS,
    method: 'get',
    path: '/v1/keys/:id/dependants',
    operation: 'listDependants',
    summary: 'What depends on a key',
    idempotent: false,
    query: z.strictObject({ limit, cursor }),
    answer: { status: 200, schema: shapes.listOf(dependant), says: 'A page of dependants, the oldest first.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params, query }) => {
    const key = await findNamedKey(desk.db, actor, params.id)
    return findDependantPage(desk.db, key.id, query)
  },
)

const remove = personRoute(
  {
    ...DEPENDANTS,
    method: 'delete',
    path: '/v1/dependants/:id',
    operation: 'removeDependant',
    summary: 'Strike a dependant off its key’s list',
    idempotent: false,
    answer: { status: 204, schema: null, says: 'It is off the list, and unfinished tasks about it are gone.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params }) => {
    await removeDependant(desk.db, actor, params.id)
    return undefined
  },
)

const TASKS = {
  ...NO_INPUT,
  tag: 'Rotations',
  access: 'tasks.tick',
  stepUp: false,
  idempotent: false,
  params: z.strictObject({ id }),
  refusals: ['NOT_FOUND'],
} as const

const complete = personRoute(
  {
    ...TASKS,
    method: 'post',
    path: '/v1/tasks/:id/completion',
    operation: 'completeTask',
    summary: 'Tick a task off: its dependant holds the new key',
    answer: { status: 200, schema: task, says: 'The task, done; whoever ticked it off first stays named.' },
  },
  async ({ desk, actor, params }) => {
    await completeTask(desk.db, actor, params.id)
    return findTask(desk.db, params.id)
  },
)

const reopen = personRoute(
  {
    ...TASKS,
    method: 'delete',
    path: '/v1/tasks/:id/completion',
    operation: 'reopenTask',
    summary: 'Take a tick back: its dependant holds the old key',
    answer: { status: 204, schema: null, says: 'To do again; after a rollback nothing is left of it.' },
  },
  async ({ desk, actor, params }) => {
    await reopenTask(desk.db, actor, params.id)
    return undefined
  },
)

export const dependantRoutes = [add, list, remove, complete, reopen]
