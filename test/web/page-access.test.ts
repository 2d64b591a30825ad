import { beforeAll, describe, expect, test } from 'vitest'
import { findInvitations } from '../../src/database/people/places.ts'
import { addCannedAnswer } from '../../src/desk/conversation/canned-answers.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { rollBack } from '../../src/desk/follow-ups/roll-back.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { createWebhookEndpoint } from '../../src/desk/webhooks/endpoints.ts'
import { inviteMember } from '../../src/identity/members/organisations.ts'
import { openRecoveryCase } from '../../src/identity/recovery/open.ts'
import { addDependant } from '../../src/keyring/dependants/add.ts'
import { createGateway } from '../../src/keyring/gateways.ts'
import { receiveImport } from '../../src/keyring/imports/receive.ts'
import { reviewPermissions } from '../../src/keyring/watch/review.ts'
import type { App } from '../../src/web/context.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'
import { type Enrolled, recoveryOf } from '../support/worlds/people.ts'
import { makeSuspicious } from '../support/worlds/suspicious.ts'

const database = await openTestDatabase()
let app: App | undefined
const desk = await openDesk(database, {}, (extended) => {
  app = extended
})
let world: ApiWorld
let waiting: string
let overlapping: string
let gatewayId: string
let itemId: string
let taskId: string
let followUpId: string
let webhookId: string
let webhookDeliveryId: string
let cannedAnswerId: string
let caseId: string
let invitationId: string
let suspicionId: string
let reviewId: string
let importId: string

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const { db } = desk.desk
  const { owner, agent, admin } = world.people
  const other = await world.addService('Other')
  webhookId = (await createWebhookEndpoint(desk.desk, owner.actor, { url: 'https://hooks.test/' })).id
  const file = async (serviceId: string) => {
    const items = [{ serviceId, kinds: ['auth'] as const }]
    const filing = { items, reason: 'scheduled' as const, overlapSeconds: 86_400 }
    return (await submitRotation(db, owner.actor, filing)).ref
  }
  await addDependant(db, owner.actor, world.place.authKeyId, { type: 'kms', name: 'Ledger KMS' })
  overlapping = await file(world.place.serviceId)
  await approveRotation(db, agent.actor, overlapping, { revision: 1 })
  await work(desk)
  taskId = (await db.selectFrom('task').select('id').executeTakeFirstOrThrow()).id
  waiting = await file(other.serviceId)
  const stream = (async function* () {
    yield Buffer.from('{}')
  })()
  importId = (await receiveImport(db, admin.actor, { name: 'keys', dryRun: true, stream })).id
  const leaking = await world.addService('Leaking')
  const items = [{ serviceId: leaking.serviceId, kinds: ['auth'] as const }]
  const leaked = await submitRotation(db, owner.actor, { items, reason: 'compromised', overlapSeconds: 3_600 })
  await approveRotation(db, agent.actor, leaked.ref, { revision: 1 })
  await work(desk)
  followUpId = (await rollBack(db, owner.actor, leaked.ref)).followUpId
  const inIt = db.selectFrom('item').select('id').where('rotationRef', '=', leaked.ref)
  itemId = (await inIt.executeTakeFirstOrThrow()).id
  reviewId = (await reviewPermissions(db, owner.actor, { changes: [] })).id
  suspicionId = await makeSuspicious(db, world.place.versionId)
  gatewayId = (await createGateway(db, admin.actor, { name: 'edge' })).id
  webhookDeliveryId = (await db.selectFrom('webhookDelivery').select('id').executeTakeFirstOrThrow()).id
  const newcomer = { name: 'Nia', email: 'nia@acme.example', role: 'viewer', ...world.place } as const
  await inviteMember(db, owner.actor, newcomer)
  invitationId = (await findInvitations(db, world.place.organisationId))[0]?.id ?? ''
  caseId = (await openRecoveryCase(db, agent.actor, recoveryOf(world.people.viewer.actor))).id
  cannedAnswerId = (await addCannedAnswer(db, admin.actor, { name: 'Thanks', body: 'Thank you.' })).id
})

const WHO = ['owner', 'developer', 'viewer', 'agent', 'admin', 'rival'] as const
type Who = (typeof WHO)[number]
const EVERYBODY: readonly Who[] = WHO
const ACME: readonly Who[] = ['owner', 'developer', 'viewer', 'agent', 'admin']

/** Every page for people who are signed in, and who may have it; `rival` owns another organisation. */
const GETS: Record<string, readonly Who[]> = {
  '/rotations': EVERYBODY,
  '/rotations/new': ['owner', 'agent', 'admin', 'rival'],
  '/rotations/:ref': ACME,
  '/rotations/:ref/filed': ['owner', 'agent', 'admin'],
  '/rotations/:ref/new-keys': ['owner'],
  '/rotations/:ref/early-revocation': ['owner'],
  '/rotations/:ref/extension': ['owner'],
  '/rotations/:ref/rollback': ['owner'],
  '/follow-ups/:id': ['agent', 'admin'],
  '/items/:id/closing': ['agent', 'admin'],
  '/services/:id/removal': ['owner'],
  '/services/:id/delivery': ['owner'],
  '/versions/:id/sealed': ['owner'],
  '/versions/:id/reissue': ['owner'],
  '/services': EVERYBODY,
  '/keys/:id/dependants': ['owner'],
  '/services/:id{svc_[0-9a-z]+}': ACME,
  '/keys/:id': ACME,
  '/keys/:id/edit': ['owner'],
  '/keys/:id/new-keys': ['owner'],
  '/keys/:id/roll': ['owner'],
  '/keys/:id/disabling': ['owner'],
  '/keys/:id/enabling': ['owner'],
  '/keys/:id/deletion': ['owner'],
  '/services/:id/keys/new': ['owner'],
  '/services/:id/datasets/new': ['owner'],
  '/services/new': ['owner', 'admin', 'rival'],
  '/services/:id/new-keys': ['owner'],
  '/queue': ['agent', 'admin'],
  '/queue/next': ['agent', 'admin'],
  '/queue/export': ['agent', 'admin'],
  '/shortcuts': ['agent', 'admin'],
  '/reports': ['agent', 'admin'],
  '/reports/export': ['agent', 'admin'],
  '/people': ['owner', 'admin', 'rival'],
  '/people/:id{per_[0-9a-z]+}': ['owner', 'agent', 'admin'],
  '/people/:id/pick-up': ['owner'],
  '/people/:id/role': ['owner', 'admin'],
  '/people/:id/removal': ['owner', 'admin'],
  '/people/:id/unlocking': ['admin'],
  '/people/:id/disabling': ['admin'],
  '/people/:id/enabling': ['admin'],
  '/people/invitations/:id': ['owner', 'admin'],
  '/recovery/:id': ACME,
  '/desk/recovery': ['agent', 'admin'],
  '/desk/recovery/new': ['agent', 'admin'],
  '/desk/recovery/:id': ['agent', 'admin'],
  '/desk/recovery/:id/emergency': ['agent', 'admin'],
  '/tokens': EVERYBODY,
  '/tokens/new': EVERYBODY,
  '/organisations': ['agent', 'admin'],
  '/organisations/:id{org_[0-9a-z]+}': ['agent', 'admin'],
  '/organisations/:id/invitation': ['admin'],
  '/desk/leaks': ['agent', 'admin'],
  '/desk/imports': ['admin'],
  '/desk/imports/:id{imp_[0-9a-z]+}': ['admin'],
  '/gateways': ['admin'],
  '/gateways/:id/revocation': ['admin'],
  '/choose-organisation': EVERYBODY,
  '/time-zone': EVERYBODY,
  '/account/notifications': EVERYBODY,
  '/desk/letters': ['admin'],
  '/desk/letters/:kind': ['admin'],
  '/desk/letters/:kind/html': ['admin'],
  '/desk/health': ['admin'],
  '/account': EVERYBODY,
  '/account/security': EVERYBODY,
  '/account/password': EVERYBODY,
  '/account/email': EVERYBODY,
  '/account/code-device': EVERYBODY,
  '/account/recovery-codes': EVERYBODY,
  '/audit': EVERYBODY,
  '/audit/export.csv': EVERYBODY,
  '/audit/export.jsonl': EVERYBODY,
  '/rotations/:ref/evidence': ACME,
  '/desk': EVERYBODY,
  '/desk/policy': ['agent', 'admin'],
  '/desk/policies': ['admin'],
  '/desk/policies/:id': ['admin'],
  '/webhooks': ['owner', 'admin', 'rival'],
  '/webhooks/:id': ['owner'],
  '/webhooks/:id/secret': ['owner'],
  '/webhooks/:id/removal': ['owner'],
  '/webhooks/deliveries/:id': ['owner'],
  '/permission-review': ['owner', 'agent', 'admin', 'rival'],
  '/permission-review/export': ['owner', 'agent', 'admin'],
  '/permission-review/:id{rev_[0-9a-z]+}': ['owner', 'agent', 'admin'],
  '/suspicions': ['owner', 'agent', 'admin', 'rival'],
  '/suspicions/:id': ['owner', 'agent', 'admin'],
  '/desk/canned-answers': ['admin'],
  '/desk/canned-answers/:id': ['admin'],
}

/** What they may send; an empty form is then asked for again, or refused for another reason than who sends it. */
const POSTS: Record<string, readonly Who[]> = {
  '/rotations': ['owner', 'agent', 'admin', 'rival'],
  '/rotations/new': ['owner', 'agent', 'admin', 'rival'],
  '/rotations/check': ['owner', 'agent', 'admin', 'rival'],
  '/rotations/:ref/withdrawal': ['owner'],
  '/rotations/:ref/new-keys': ['owner'],
  '/rotations/:ref/early-revocation': ['owner'],
  '/rotations/:ref/extension': ['owner'],
  '/rotations/:ref/rollback': ['owner'],
  '/rotations/:ref/retry': ['agent', 'admin'],
  // An administrator decides only what was filed on behalf.
  '/follow-ups/:id/approval': ['agent'],
  '/follow-ups/:id/rejection': ['agent', 'admin'],
  '/items/:id/retry': ['agent', 'admin'],
  '/items/:id/closing': ['agent', 'admin'],
  '/services/:id/removal': ['owner'],
  '/services/:id/delivery': ['owner'],
  '/versions/:id/sealed': ['owner'],
  '/versions/:id/acknowledgement': ['owner'],
  '/versions/:id/reissue': ['owner'],
  '/rotations/:ref/approval': ['agent', 'admin'],
  '/rotations/:ref/rejection': ['agent', 'admin'],
  '/rotations/:ref/assignment': ['agent', 'admin'],
  '/queue/assignment': ['agent', 'admin'],
  '/queue/views': ['agent', 'admin'],
  '/queue/views/removal': ['agent', 'admin'],
  '/shortcuts': ['agent', 'admin'],
  '/rotations/:ref/question': ['agent', 'admin'],
  '/rotations/:ref/answer': ['owner'],
  '/rotations/:ref/messages': ['owner', 'developer', 'agent', 'admin'],
  '/rotations/:ref/notes': ['agent', 'admin'],
  '/rotations/:ref/canned-answer': ['agent', 'admin'],
  '/rotations/:ref/review': ACME,
  '/services': ['owner', 'admin', 'rival'],
  '/keys/:id/dependants': ['owner'],
  '/keys/:id/dependants/removal': ['owner'],
  '/tasks/:id': ['owner', 'developer'],
  '/services/:id/new-keys': ['owner'],
  '/services/:id/keys': ['owner'],
  '/services/:id/datasets': ['owner'],
  '/keys/:id/edit': ['owner'],
  '/keys/:id/new-keys': ['owner'],
  '/keys/:id/roll': ['owner'],
  '/keys/:id/disabling': ['owner'],
  '/keys/:id/enabling': ['owner'],
  '/keys/:id/deletion': ['owner'],
  '/people': ['owner', 'admin', 'rival'],
  '/people/:id/pick-up': ['owner'],
  '/people/:id/role': ['owner', 'admin'],
  '/people/:id/removal': ['owner', 'admin'],
  '/people/:id/unlocking': ['admin'],
  '/people/:id/disabling': ['admin'],
  '/people/:id/enabling': ['admin'],
  '/people/invitations/:id': ['owner', 'admin'],
  '/people/invitations/:id/withdrawal': ['owner', 'admin'],
  '/recovery/:id/objection': ['owner', 'viewer'],
  '/desk/recovery/new': ['agent', 'admin'],
  '/desk/recovery/:id/opening': ['agent', 'admin'],
  '/desk/recovery/:id/emergency': ['agent', 'admin'],
  '/desk/recovery/:id/confirmation': ['agent', 'admin'],
  '/desk/recovery/:id/carrying-out': ['agent', 'admin'],
  '/desk/recovery/:id/refusal': ['agent', 'admin'],
  '/tokens': EVERYBODY,
  '/tokens/:id/revocation': EVERYBODY,
  '/organisations': ['admin'],
  '/organisations/:id/invitation': ['admin'],
  '/desk/imports': ['admin'],
  '/gateways': ['admin'],
  '/gateways/:id/revocation': ['admin'],
  '/desk/policies': ['admin'],
  '/desk/policies/:id': ['admin'],
  '/desk/canned-answers': ['admin'],
  '/desk/canned-answers/:id': ['admin'],
  '/desk/canned-answers/:id/removal': ['admin'],
  '/choose-organisation': EVERYBODY,
  '/account/password': EVERYBODY,
  '/account/email': EVERYBODY,
  '/account/code-device': EVERYBODY,
  '/account/code-device/first-code': EVERYBODY,
  '/account/recovery-codes': EVERYBODY,
  '/account/sessions/others/end': EVERYBODY,
  '/account/sessions/:id/end': EVERYBODY,
  '/time-zone': EVERYBODY,
  '/webhooks': ['owner', 'admin', 'rival'],
  '/webhooks/:id/secret': ['owner'],
  '/webhooks/:id/on': ['owner'],
  '/webhooks/deliveries/:id/replay': ['owner'],
  '/webhooks/:id/removal': ['owner'],
  '/permission-review': ['owner', 'rival'],
  '/suspicions/:id/dismissal': ['owner'],
  '/proposals/:id/dismissal': ['owner', 'rival'],
  '/account/notifications': EVERYBODY,
  '/desk/letters/:kind/test': ['admin'],
  '/desk/health/letters': ['admin'],
}
/** Without a session, or for ending one. */
const PUBLIC = [
  '/',
  '/sign-in',
  '/sign-in/code',
  '/sign-out',
  '/set-up',
  '/invitations/:token',
  '/lost-access',
  '/lost-access/sent',
  '/lost-access/challenge',
  '/lost-access/:token',
  '/sign-in/recovery-code',
  '/forgot-password',
  '/reset-password/:token',
  '/email-change/:token',
]

function addressOf(pattern: string): string {
  const ref = /early|new-keys|extension|rollback/.test(pattern) ? overlapping : waiting
  if (pattern.startsWith('/webhooks')) {
    return pattern.replace(':id', pattern.includes('deliveries') ? webhookDeliveryId : webhookId)
  }
  const ids = {
    services: world.place.serviceId,
    versions: world.place.versionId,
    keys: world.place.authKeyId,
    people: world.people.developer.actor.personId,
    gateways: gatewayId,
    organisations: world.place.organisationId,
    recovery: caseId,
    desk: pattern.includes('recovery') ? caseId : pattern.includes('policies') ? world.place.serviceId : cannedAnswerId,
    items: itemId,
    tasks: taskId,
    'follow-ups': followUpId,
    suspicions: suspicionId,
    'permission-review': reviewId,
  }
  if (pattern.startsWith('/desk/imports/')) return `/desk/imports/${importId}`
  if (pattern.startsWith('/people/invitations')) return pattern.replace(':id', invitationId)
  const where = /^\/people\/:id\/(role|removal)$|^\/permission-review\/export$/.test(pattern)
    ? `?organisation=${world.place.organisationId}`
    : ''
  const id = new Map(Object.entries(ids)).get(pattern.split('/')[1] ?? '') ?? gatewayId
  const path = pattern.replace(':ref', ref).replace(':kind', 'received')
  return path.replace(/:id(\{.*\})?/, id) + where
}

/** What is another's is not there: not for a rival, and an organisation's webhooks not for an admin, who keeps the desk's own. */
function refusalsOf(who: Who, pattern: string): number[] {
  const isElsewhere = who === 'rival' || (who === 'admin' && pattern.startsWith('/webhooks/'))
  return isElsewhere ? [404, 403] : [403]
}

async function open(method: 'GET' | 'POST', path: string, person: Enrolled, formToken?: string): Promise<Answer> {
  const cookie = `__Host-rekey=${person.sessionToken}`
  const headers = { accept: 'text/html', cookie, origin: desk.url }
  if (method === 'GET') return desk.call(method, path, { headers })
  const form = new URLSearchParams({ formToken: formToken ?? person.bearer.formToken ?? '' }).toString()
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  return desk.call(method, path, { headers: { ...headers, ...type }, text: form })
}

test('the tables below name every page there is', () => {
  const served = (app?.routes ?? []).filter(
    ({ path, method }) =>
      ['GET', 'POST'].includes(method) &&
      !/^\/(v1|assets|docs|healthz|readyz|openapi)/.test(path) &&
      !path.includes('*'),
  )
  const named = (method: string) => [...Object.keys(method === 'GET' ? GETS : POSTS), ...PUBLIC]
  for (const { method, path } of served) expect(named(method)).toContain(path)
})

describe('a page is for those it is meant for', () => {
  test.for(Object.entries(GETS))('GET %s: %j', async ([pattern, allowed]) => {
    for (const who of WHO) {
      const { status } = await open('GET', addressOf(pattern), world.people[who])
      const wanted = allowed.includes(who) ? [200, 303] : refusalsOf(who, pattern)
      expect(wanted, `${who} on ${pattern}`).toContain(status)
    }
  })

  test.for(Object.entries(POSTS))('POST %s: %j', async ([pattern, allowed]) => {
    // Those who may come last: what they send may change what the others are asked about.
    for (const who of WHO.toSorted((a, b) => Number(allowed.includes(a)) - Number(allowed.includes(b)))) {
      const { status } = await open('POST', addressOf(pattern), world.people[who])
      const wanted = allowed.includes(who) ? [200, 303, 404, 409, 422] : refusalsOf(who, pattern)
      expect(wanted, `${who} on ${pattern}`).toContain(status)
    }
  })
})

test('a form without the form token of its session is refused, whatever it asks for', async () => {
  for (const pattern of Object.keys(POSTS)) {
    const { status, text } = await open('POST', addressOf(pattern), world.people.owner, 'guessed')
    expect(status, pattern).toBe(403)
    expect(text).toContain('Nothing was saved or changed.')
  }
})

test('whoever is not signed in is led to the sign-in, and back to what they wanted', async () => {
  for (const pattern of Object.keys(GETS)) {
    const path = addressOf(pattern)
    const answer = await desk.call('GET', path, { headers: { accept: 'text/html' } })
    expect(answer.status, pattern).toBe(303)
    expect(answer.headers.location).toBe(`/sign-in?next=${encodeURIComponent(path)}`)
  }
})

test('another organisation’s rotation looks exactly like one that is not there', async () => {
  const { rival } = world.people
  const hidden = await open('GET', `/rotations/${waiting}`, rival)
  const missing = await open('GET', '/rotations/ROT-999999', rival)
  const without = (text: string) => text.replaceAll(/[0-9a-f-]{36}/g, '')
  expect(without(hidden.text)).toBe(without(missing.text))
})
