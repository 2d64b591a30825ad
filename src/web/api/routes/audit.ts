import { z } from 'zod'
import { findAuditEntries } from '../../../database/audit/trail.ts'
import { findOrganisation } from '../../../database/people/organisations.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { cursor, id, limit } from '../fields.ts'
import { auditEntry } from '../rotation-shapes.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import { listOf } from '../shapes.ts'

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/audit',
    operation: 'listAuditEntries',
    summary: 'The audit trail of an organisation, or of the desk itself, oldest first',
    tag: 'Audit',
    access: 'audit.view',
    stepUp: false,
    idempotent: false,
    query: z.strictObject({ organisationId: id.optional(), after: cursor, limit }),
    answer: { status: 200, schema: listOf(auditEntry), says: 'A page of entries with their hashes.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, query }) => {
    const { organisationId } = query
    const foreign = actor.organisationId !== null && organisationId !== actor.organisationId
    if (organisationId !== undefined && (foreign || !(await findOrganisation(desk.db, organisationId)))) {
      throw new Refusal('NOT_FOUND')
    }
    return findAuditEntries(desk.db, actor, query)
  },
)

export const auditRoutes = [list]
