import { z } from 'zod'
import { decodeCursor, ID, toPage } from '../../../database/cursor.ts'
import { findOrganisations } from '../../../database/people/organisations.ts'
import { createOrganisation } from '../../../identity/members/organisations.ts'
import { cursor, email, limit, name } from '../fields.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const create = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/organisations',
    operation: 'createOrganisation',
    summary: 'Make an organisation and invite its first owner by mail',
    tag: 'Organisations',
    access: 'organisations.manage',
    stepUp: true,
    idempotent: true,
    body: z.strictObject({ name, owner: z.strictObject({ name, email }) }),
    answer: { status: 201, schema: shapes.newOrganisation, says: 'It is there, and the invitation is on its way.' },
    refusals: ['ALREADY_MEMBER'],
  },
  ({ desk, actor, body }) => createOrganisation(desk.db, actor, body),
)

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/organisations',
    operation: 'listOrganisations',
    summary: 'All organisations, the newest first',
    tag: 'Organisations',
    access: 'organisations.manage',
    stepUp: false,
    idempotent: false,
    query: z.strictObject({ limit, cursor }),
    answer: { status: 200, schema: shapes.listOf(shapes.organisation), says: 'A page of organisations.' },
    refusals: [],
  },
  async ({ desk, query }) => {
    const [before] = query.cursor === undefined ? [] : decodeCursor(query.cursor, [ID])
    const rows = await findOrganisations(desk.db, { limit: query.limit + 1, before: before ?? null })
    const page = toPage(rows, query.limit, (row) => [row.id])
    const items = page.items.map((row) => ({
      ...row,
      memberCount: Number(row.memberCount),
      serviceCount: Number(row.serviceCount),
    }))
    return { items, nextCursor: page.nextCursor }
  },
)

export const organisationRoutes = [create, list]
