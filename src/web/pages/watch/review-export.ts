import { findOrganisation } from '../../../database/people/organisations.ts'
import { findReviewedKeys, type ReviewedKey } from '../../../database/watch/reviews.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { csvLine } from '../../../rules/text/csv.ts'
import { actorFor, type WebContext } from '../../context.ts'
import { sendCsv } from '../../csv.ts'

const COLUMNS = [
  'service',
  'service id',
  'environment',
  'key',
  'key id',
  'kind',
  'enabled',
  'permission',
  'used in 90 days',
  'last used',
  'networks in 90 days',
  'address ranges',
  'datasets',
  'finding',
]

function row(key: ReviewedKey): string {
  return csvLine([
    key.serviceName,
    key.serviceId,
    key.environment,
    key.name,
    key.keyId,
    key.kind,
    key.enabled ? 'yes' : 'no',
    key.permission,
    key.permissionUsed,
    key.lastUsedAt?.toISOString() ?? null,
    key.networks,
    key.ipRanges.join(' '),
    key.datasets.join(' '),
    key.finding,
  ])
}

async function* csvOf(keys: readonly ReviewedKey[]): AsyncGenerator<string> {
  yield csvLine(COLUMNS)
  for (const key of keys) yield row(key)
}

/** What the keys may do and did, as a file: CSV, or JSON in the words of the API. */
export async function exportReview(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'reviews.view')
  const { db } = c.get('desk')
  const organisationId = c.req.query('organisation') ?? actor.organisationId ?? ''
  const foreign = actor.organisationId !== null && organisationId !== actor.organisationId
  const organisation = foreign ? undefined : await findOrganisation(db, organisationId)
  if (organisation === undefined) throw new Refusal('NOT_FOUND')
  const keys = await findReviewedKeys(db, organisationId)
  if (c.req.query('format') !== 'json') return sendCsv(c, 'permission-review', csvOf(keys))
  const at = new Date().toISOString()
  c.header('content-disposition', `attachment; filename="permission-review-${at.slice(0, 10)}.json"`)
  return c.json({ organisationId, organisation: organisation.name, at, keys })
}
