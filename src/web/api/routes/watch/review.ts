import { z } from 'zod'
import { findReview, findReviewedKeys, findReviews, findReviewTimes } from '../../../../database/watch/reviews.ts'
import { reviewPermissions } from '../../../../keyring/watch/review.ts'
import { PERMISSIONS } from '../../../../rules/keys/verdict.ts'
import type { PersonActor } from '../../../../rules/permissions.ts'
import { Refusal } from '../../../../rules/refusals.ts'
import { FINDINGS, type ReviewChange } from '../../../../rules/watch/review.ts'
import { cursor, id, limit } from '../../fields.ts'
import { NO_INPUT, personRoute } from '../../route.ts'
import { kind, listOf, personName, time } from '../../shapes.ts'

const permission = z.enum(PERMISSIONS)

const facts = {
  keyId: z.string(),
  kind,
  name: z.string(),
  serviceId: z.string(),
  serviceName: z.string(),
  environment: z.enum(['live', 'sandbox']),
  enabled: z.boolean(),
  permission,
  permissionUsed: permission.nullable().meta({
    description: 'The widest that gateways asked for, and got, in 90 days; null when they told none.',
  }),
  ipRanges: z.array(z.string()),
  datasets: z.array(z.string()),
  networks: z.int().meta({ description: 'From how many networks it was used in 90 days.' }),
  lastUsedAt: time.nullable(),
  finding: z.enum(FINDINGS),
}

const evaluation = z
  .object({
    organisationId: z.string(),
    lastReviewAt: time.nullable(),
    dueAt: time,
    keys: z.array(z.object(facts).meta({ id: 'ReviewedKey' })),
  })
  .meta({ id: 'PermissionEvaluation' })

const review = z
  .object({
    id: z.string(),
    organisationId: z.string(),
    by: personName,
    at: time,
    findings: z.array(
      z
        .object({ ...facts, decision: z.enum(['keep', 'lower', 'disable']), permissionAfter: permission })
        .meta({ id: 'ReviewFinding' }),
    ),
  })
  .meta({ id: 'PermissionReview' })

/** Staff say whose; a member's is their own. Refuses INVALID_REQUEST and NOT_FOUND. */
function organisationOf(actor: PersonActor, asked: string | undefined): string {
  const organisationId = asked ?? actor.organisationId
  if (organisationId === null) {
    const errors = [{ pointer: '/organisationId', message: 'Say whose keys.' }]
    throw new Refusal('INVALID_REQUEST', { errors })
  }
  if (actor.organisationId !== null && actor.organisationId !== organisationId) throw new Refusal('NOT_FOUND')
  return organisationId
}

const show = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/permission-review',
    operation: 'evaluatePermissions',
    summary: 'What each key may do, against what it did in 90 days',
    tag: 'Services and keys',
    access: 'reviews.view',
    stepUp: false,
    idempotent: false,
    query: z.strictObject({ organisationId: id.optional().meta({ description: 'Needed from staff.' }) }),
    answer: { status: 200, schema: evaluation, says: 'All keys of the organisation.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, query }) => {
    const organisationId = organisationOf(actor, query.organisationId)
    const [times] = await findReviewTimes(desk.db, organisationId)
    if (times === undefined) throw new Refusal('NOT_FOUND')
    return { ...times, organisationId, keys: await findReviewedKeys(desk.db, organisationId) }
  },
)

const change = z.discriminatedUnion('do', [
  z.strictObject({ keyId: id, do: z.literal('lower'), permission }),
  z.strictObject({ keyId: id, do: z.literal('disable') }),
])

const carryOut = personRoute(
  {
    ...NO_INPUT,
    method: 'post',
    path: '/v1/permission-review',
    operation: 'reviewPermissions',
    summary: 'Carry a review out: lower and disable, and record what was found and decided',
    tag: 'Services and keys',
    access: 'reviews.carryOut',
    stepUp: true,
    idempotent: true,
    body: z.strictObject({
      changes: z
        .array(change)
        .max(1_000)
        .default([])
        .meta({ description: 'What is not named stays as it is; none at all records that all is well.' }),
    }),
    answer: { status: 201, schema: review, says: 'The review, as it is kept.' },
    refusals: ['NOT_FOUND'],
  },
  async ({ desk, actor, body }) => {
    const changes: readonly ReviewChange[] = body.changes
    const { id: reviewId } = await reviewPermissions(desk.db, actor, { changes })
    return findReview(desk.db, actor, reviewId)
  },
)

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/permission-reviews',
    operation: 'listPermissionReviews',
    summary: 'Reviews that were carried out, the newest first',
    tag: 'Services and keys',
    access: 'reviews.view',
    stepUp: false,
    idempotent: false,
    query: z.strictObject({ organisationId: id.optional(), limit, cursor }),
    answer: { status: 200, schema: listOf(review), says: 'A page of reviews, each with what it found and decided.' },
    refusals: [],
  },
  ({ desk, actor, query }) => findReviews(desk.db, actor, query),
)

export const reviewRoutes = [show, carryOut, list]
