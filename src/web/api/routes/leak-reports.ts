import { z } from 'zod'
import { findLeakReports } from '../../../database/leaks.ts'
import { type Limit, spendPoint } from '../../../database/limits.ts'
import { reportLeaks } from '../../../desk/leaks/report.ts'
import { hashKey } from '../../../rules/keys/key-text.ts'
import { networkOf } from '../../../rules/networks.ts'
import { LEAK_RESPONSES } from '../../../rules/policy.ts'
import { Refusal } from '../../../rules/refusals.ts'
import type { WebContext } from '../../context.ts'
import { requireGithubSignature, requireWebhookSignature } from '../../leaks/signatures.ts'
import { cursor, limit } from '../fields.ts'
import { readJson, signedRoute } from '../raw-route.ts'
import { NO_INPUT, personRoute } from '../route.ts'
import * as shapes from '../shapes.ts'

const PER_NETWORK: Limit = { name: 'leak-report', points: 300, seconds: 60 }
const OFF = 'This desk takes no such reports: whoever runs it has not set them up.'

/** Counts every report, signed or not: looking at a signature costs something too. Refuses TOO_MANY_REQUESTS. */
function spendReport(c: WebContext): Promise<void> {
  return spendPoint(c.get('desk').db, PER_NETWORK, networkOf(c.get('address')))
}

// Fields that GitHub may add one day do no harm; one that is missing costs its own finding no more than that field.
const githubMatches = z.array(
  z.looseObject({
    token: z.string().max(10_000),
    type: z.string().max(200),
    url: z.string().nullish(),
    source: z.string().nullish(),
  }),
  'The body must be the array of matches that GitHub sends.',
)

const githubLabel = z.object({
  token_hash: z.string().meta({ description: 'SHA-256 of the token, in hex.' }),
  token_type: z.string(),
  label: z.enum(['true_positive', 'false_positive']),
})

const SIGNED = {
  ...NO_INPUT,
  method: 'post',
  tag: 'Leaks',
  access: 'public',
  stepUp: false,
  idempotent: false,
  raw: 'application/json',
  refusals: ['INVALID_REQUEST', 'SIGNATURE_REJECTED', 'NOT_FOUND', 'TOO_MANY_REQUESTS', 'UNAVAILABLE', 'UNKNOWN_HOST'],
} as const

const github = signedRoute(
  {
    ...SIGNED,
    path: '/v1/leak-reports/github',
    operation: 'reportLeaksFromGithub',
    summary: 'Keys that GitHub’s secret scanning found; signed by GitHub, at most 1 MiB',
    body: githubMatches,
    answer: { status: 200, schema: githubLabel, list: true, says: 'Which of them are keys of this desk.' },
  },
  async ({ c, desk, body }) => {
    if (desk.findGithubKey === null) throw new Refusal('NOT_FOUND', { detail: OFF })
    await spendReport(c)
    await requireGithubSignature(c, desk.findGithubKey, body)
    const matches = readJson(body, githubMatches)
    const findings = matches.map(({ token, url, source }) => ({
      key: token,
      source: source ? `GitHub, ${source.replaceAll('_', ' ')}` : 'GitHub',
      url: url ?? '',
    }))
    const handled = await reportLeaks(desk.db, desk.config.keyPrefix, findings)
    const labels = matches.map(
      ({ token, type }, i): z.input<typeof githubLabel> => ({
        token_hash: hashKey(token).toString('hex'),
        token_type: type,
        label: handled[i]?.known ? 'true_positive' : 'false_positive',
      }),
    )
    return c.json(labels)
  },
)

const finding = z.strictObject({
  key: z.string().min(1).max(10_000),
  source: z.string().trim().min(1, 'Say where it was found.').max(200),
  url: z.string().max(2_000).optional(),
})

const generic = signedRoute(
  {
    ...SIGNED,
    path: '/v1/leak-reports',
    operation: 'reportLeak',
    summary: 'A key that was found where it shouldn’t be; signed as Standard Webhooks has it with LEAK_REPORT_SECRET',
    body: finding,
    answer: {
      status: 200,
      schema: z.object({
        known: z.boolean().meta({ description: 'Whether it is, or was, a key of this desk.' }),
        rotation: z.string().nullable().meta({ description: 'The rotation that replaces it; null where none does.' }),
      }),
      says: 'What became of it; the same again for the same report.',
    },
  },
  async ({ c, desk, body }) => {
    const { keyPrefix, leakReportSecret } = desk.config
    if (leakReportSecret === undefined) throw new Refusal('NOT_FOUND', { detail: OFF })
    await spendReport(c)
    requireWebhookSignature(c, leakReportSecret, body)
    const [handled] = await reportLeaks(desk.db, keyPrefix, [readJson(body, finding)])
    return c.json({ known: handled?.known ?? false, rotation: handled?.rotationRef ?? null })
  },
)

const leakReport = z.object({
  id: z.string(),
  organisationId: z.string(),
  keyId: z.string(),
  versionId: z.string(),
  source: z.string(),
  url: z.string(),
  receivedAt: z.iso.datetime(),
  response: z.enum(LEAK_RESPONSES),
  rotationRef: z.string().nullable(),
})

const list = personRoute(
  {
    ...NO_INPUT,
    method: 'get',
    path: '/v1/leak-reports',
    operation: 'listLeakReports',
    summary: 'Reports of leaked keys, the newest first',
    tag: 'Leaks',
    access: 'leaks.view',
    stepUp: false,
    idempotent: false,
    query: z.strictObject({ limit, cursor }),
    answer: { status: 200, schema: shapes.listOf(leakReport), says: 'A page of reports; never a key.' },
    refusals: [],
  },
  ({ desk, query }) => findLeakReports(desk.db, query),
)

export const leakReportRoutes = [github, generic, list]
