import { z } from 'zod'
import { findProposals } from '../../../database/proposals/find.ts'
import { dismissProposal } from '../../../desk/proposals/proposals.ts'
import { PROPOSAL_CAUSES } from '../../../rules/proposals.ts'
import { id } from '../fields.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const proposal = z
  .object({
    id: z.string(),
    organisationId: z.string(),
    person: shapes.personName,
    cause: z.enum(PROPOSAL_CAUSES),
    at: shapes.time,
    keys: z.array(
      z.object({ id: z.string(), serviceId: z.string(), kind: shapes.kind, name: z.string(), service: z.string() }),
    ),
  })
  .meta({ id: 'Proposal' })

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/proposals',
    operation: 'listProposals',
    summary: 'Rotations that the desk proposes, since somebody who may know keys changed their password or went',
    tag: 'Rotations',
    access: 'rotations.view',
    stepUp: false,
    idempotent: false,
    answer: { status: 200, schema: shapes.listOf(proposal), says: 'The open ones, the newest 100.' },
    refusals: [],
  },
  async ({ desk, actor }) => ({ items: await findProposals(desk.db, actor), nextCursor: null }),
)

const dismiss = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/proposals/:id/dismissal',
    operation: 'dismissProposal',
    summary: 'Put a proposed rotation aside',
    tag: 'Rotations',
    access: 'rotations.submit',
    stepUp: false,
    idempotent: false,
    params: z.strictObject({ id }),
    answer: { status: 204, schema: null, says: 'It is dismissed.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, params }) => {
    await dismissProposal(desk.db, actor, params.id)
    return undefined
  },
)

export const proposalRoutes = [list, dismiss]
