import { z } from 'zod'
import { findOrganisation } from '../../../database/people/organisations.ts'
import { stepUp } from '../../../identity/sign-in/step-up.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const showMe = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/me',
    operation: 'showMe',
    summary: 'Who acts: the person, the organisation and the role',
    tag: 'People',
    access: 'person',
    stepUp: false,
    idempotent: false,
    answer: { status: 200, schema: shapes.me, says: 'The person behind this session or token.' },
    refusals: [],
  },
  async ({ desk, bearer, actor }) => {
    const organisation =
      actor.organisationId === null ? null : ((await findOrganisation(desk.db, actor.organisationId)) ?? null)
    const { email, timeZone } = bearer
    return { person: { id: actor.personId, name: actor.name, email, timeZone }, organisation, role: actor.role }
  },
)

const giveCode = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/step-up',
    operation: 'stepUp',
    summary: 'Give a fresh one-time code for sensitive calls',
    tag: 'People',
    access: 'person',
    stepUp: false,
    idempotent: false,
    body: z.strictObject({ otp: z.string().max(64).meta({ example: '123456' }) }),
    answer: { status: 200, schema: shapes.stepUp, says: 'Send the token as Rekey-Step-Up: 5 minutes, 10 calls.' },
    refusals: ['CODE_REJECTED', 'CODE_LOCKED'],
  },
  ({ desk, bearer, body }) => stepUp(desk.db, desk.sealer, bearer, body.otp),
)

export const meRoutes = [showMe, giveCode]
