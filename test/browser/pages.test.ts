import { beforeAll, describe, expect, test } from 'vitest'
import { mergeNetworks, mergePermissions, mergeUses } from '../../src/database/watch/merge.ts'
import { addCannedAnswer } from '../../src/desk/conversation/canned-answers.ts'
import { writeMessage, writeNote } from '../../src/desk/conversation/write.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { extendOverlap } from '../../src/desk/follow-ups/extend.ts'
import { reportLeaks } from '../../src/desk/leaks/report.ts'
import { recomputeNextMonth } from '../../src/desk/reports.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { createWebhookEndpoint } from '../../src/desk/webhooks/endpoints.ts'
import { issueSetUpCode } from '../../src/identity/members/first-admin.ts'
import { inviteMember } from '../../src/identity/members/organisations.ts'
import { createPersonalToken } from '../../src/identity/tokens/tokens.ts'
import { addDependant } from '../../src/keyring/dependants/add.ts'
import { createGateway } from '../../src/keyring/gateways.ts'
import { carryOutImport } from '../../src/keyring/imports/carry-out.ts'
import { receiveImport } from '../../src/keyring/imports/receive.ts'
import { editKey } from '../../src/keyring/keys/edit.ts'
import { reviewPermissions } from '../../src/keyring/watch/review.ts'
import { expectAccessible, LOOKS, openAs, openVisitor, type Visitor } from '../support/browser.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk, sealer } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'
import { invitationToken } from '../support/worlds/people.ts'
import { sealedSecret } from '../support/worlds/secrets.ts'
import { makeSuspicious } from '../support/worlds/suspicious.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const empty = await openDesk(await openTestDatabase())
/** A name that would run, or turn the page around, if it were taken for anything but text. */
const HOSTILE = `<img src=x onerror="alert(1)"> {{name}} ملاحظة`
let world: ApiWorld
let visitors: Record<'owner' | 'viewer' | 'agent' | 'admin', Visitor>
let waiting: string
let overlapping: string
let onBehalf: string
let troubled: string
let followUpId: string
let failedItemId: string
let cannedAnswerId: string
let webhookId: string
let hostileKeyId: string
let suspicionId: string
let reviewId: string
let webhookDeliveryId: string

async function file(serviceId: string, details: string): Promise<string> {
  const { db } = desk.desk
  const items = [{ serviceId, kinds: ['auth', 'admin'] as const }]
  const filing = { items, reason: 'suspected' as const, details, overlapSeconds: 86_400 }
  return (await submitRotation(db, world.people.owner.actor, filing)).ref
}

/** A rotation of which one key could not be changed, and for the other of which more time was asked. */
async function makeTrouble(): Promise<void> {
  const { db } = desk.desk
  const { owner, agent } = world.people
  const { serviceId, authKeyId } = await world.addService('Payments trouble')
  troubled = await file(serviceId, 'One of them will not do.')
  const ownEnd = new Date(Date.now() + 3_600_000)
  await db.updateTable('version').set({ ownEnd, acceptedUntil: ownEnd }).where('keyId', '=', authKeyId).execute()
  await approveRotation(db, agent.actor, troubled, { revision: 1 })
  await work(desk)
  const wish = { overlapEndsAt: new Date(Date.now() + 5 * 86_400_000) }
  followUpId = (await extendOverlap(db, owner.actor, troubled, wish)).followUpId
  const failed = db.selectFrom('item').select('id').where('rotationRef', '=', troubled).where('status', '=', 'failed')
  failedItemId = (await failed.executeTakeFirstOrThrow()).id
}

let importId: string

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const { db } = desk.desk
  const { owner, viewer, agent, admin } = world.people
  const hostile = await world.addService(HOSTILE)
  hostileKeyId = hostile.authKeyId
  const written = {
    name: HOSTILE,
    description: HOSTILE,
    datasets: [HOSTILE],
    ipRanges: ['2001:db8:85a3:8d3:1319:8a2e:370:7348'],
  }
  await editKey(db, owner.actor, hostileKeyId, written)
  const bound = { name: HOSTILE, type: 'kms' } as const
  await addDependant(db, owner.actor, world.place.authKeyId, bound)
  const { versionId, authKeyId } = world.place
  const used = { versionId, firstUsedAt: new Date(), lastUsedAt: new Date() }
  await mergeUses(db, [{ ...used, lastNetwork: '192.0.2.1' }])
  await mergeNetworks(db, [{ ...used, network: '192.0.2.0/24' }])
  await mergePermissions(db, [{ keyId: authKeyId, permission: 'read_only', lastUsedAt: new Date() }])
  suspicionId = await makeSuspicious(db, versionId)
  await makeSuspicious(db, hostile.versionId)
  const changes = [{ keyId: hostile.authKeyId, do: 'lower', permission: 'read_only' }] as const
  reviewId = (await reviewPermissions(db, owner.actor, { changes })).id
  webhookId = (await createWebhookEndpoint(desk.desk, owner.actor, { url: 'https://hooks.test/' })).id
  overlapping = await file(world.place.serviceId, 'Our contractor left.')
  await approveRotation(db, agent.actor, overlapping, { revision: 1, note: HOSTILE })
  await work(desk)
  await makeTrouble()
  waiting = await file(hostile.serviceId, HOSTILE)
  const called = await world.addService('Called in')
  const onBehalfOf = { personId: owner.actor.personId, verifiedBy: HOSTILE }
  const items = [{ serviceId: called.serviceId, kinds: ['auth'] as const }]
  const filing = { items, reason: 'lost' as const, overlapSeconds: 86_400, onBehalfOf }
  onBehalf = (await submitRotation(db, agent.actor, filing)).ref
  const reported = await world.addService('Reported')
  const { text: key } = await sealedSecret(db, sealer, reported.authKeyId)
  await reportLeaks(db, 'rk', [{ key, source: HOSTILE, url: `https://x.example/${'long'.repeat(50)}` }])
  const stream = (async function* () {
    yield Buffer.from('{}\n{"serviceId":1}\nnonsense')
  })()
  importId = (await receiveImport(db, admin.actor, { name: HOSTILE, dryRun: true, stream })).id
  while (await carryOutImport(db, importId));
  while (await recomputeNextMonth(db));
  await createGateway(db, admin.actor, { name: HOSTILE })
  cannedAnswerId = (await addCannedAnswer(db, admin.actor, { name: 'Please wait', body: HOSTILE })).id
  await writeNote(db, agent.actor, waiting, HOSTILE)
  await writeMessage(db, owner.actor, waiting, HOSTILE)
  await createPersonalToken(db, owner.actor, { name: 'laptop', expiresAt: new Date(Date.now() + 86_400_000) })
  webhookDeliveryId = (await db.selectFrom('webhookDelivery').select('id').executeTakeFirstOrThrow()).id
  visitors = {
    owner: await openAs(desk, owner),
    viewer: await openAs(desk, viewer),
    agent: await openAs(desk, agent),
    admin: await openAs(desk, admin),
  }
})

const PAGES: readonly (readonly [who: keyof typeof visitors, page: string, path: () => string])[] = [
  ['owner', 'the rotations', () => '/rotations'],
  ['owner', 'the services and keys', () => '/services'],
  ['owner', 'a new service', () => '/services/new'],
  ['owner', 'a key and its use', () => `/keys/${world.place.authKeyId}`],
  ['owner', 'the suspicious use', () => '/suspicions'],
  ['owner', 'something suspicious', () => `/suspicions/${suspicionId}`],
  ['owner', 'the review of permissions', () => '/permission-review'],
  ['owner', 'a review that was carried out', () => `/permission-review/${reviewId}`],
  ['agent', 'the suspicious use of all', () => '/suspicions?show=all'],
  ['agent', 'the reviews of all', () => '/permission-review'],
  ['agent', 'the review of an organisation', () => `/permission-review?organisation=${world.place.organisationId}`],
  ['owner', 'a key', () => `/keys/${hostileKeyId}`],
  ['agent', 'a key of a customer', () => `/keys/${hostileKeyId}`],
  ['owner', 'the editing of a key', () => `/keys/${hostileKeyId}/edit`],
  ['owner', 'the disabling of a key', () => `/keys/${hostileKeyId}/disabling`],
  ['owner', 'the deletion of a key', () => `/keys/${hostileKeyId}/deletion`],
  ['owner', 'a new key', () => `/services/${world.place.serviceId}/keys/new`],
  ['owner', 'what depends on a key', () => `/keys/${world.place.authKeyId}/dependants`],
  ['owner', 'a key that can’t be rolled', () => `/keys/${world.place.authKeyId}/roll`],
  ['owner', 'a new rotation', () => '/rotations/new'],
  ['owner', 'replacing a rotation in its overlap', () => `/rotations/new?replaces=${overlapping}`],
  ['owner', 'a rotation in its overlap', () => `/rotations/${overlapping}`],
  ['owner', 'a rotation that waits', () => `/rotations/${waiting}`],
  ['owner', 'the confirmation of a filing', () => `/rotations/${waiting}/filed`],
  ['owner', 'the new keys', () => `/rotations/${overlapping}/new-keys`],
  ['owner', 'the first keys of a service', () => `/services/${world.place.serviceId}/new-keys`],
  ['owner', 'the early revocation', () => `/rotations/${overlapping}/early-revocation`],
  ['owner', 'more time for old keys', () => `/rotations/${overlapping}/extension`],
  ['owner', 'going back to old keys', () => `/rotations/${overlapping}/rollback`],
  ['owner', 'a rotation in trouble, with a follow-up that waits', () => `/rotations/${troubled}`],
  ['owner', 'the removal of a service', () => `/services/${world.place.serviceId}/removal`],
  ['agent', 'a rotation to mend, with a follow-up to decide', () => `/rotations/${troubled}`],
  ['agent', 'a follow-up to decide', () => `/follow-ups/${followUpId}`],
  ['agent', 'giving up on a key', () => `/items/${failedItemId}/closing`],
  ['owner', 'the audit trail', () => '/audit'],
  ['owner', 'the evidence for a rotation', () => `/rotations/${overlapping}/evidence`],
  ['agent', 'the audit trail of all', () => '/audit?about=rotation'],
  ['owner', 'the people', () => '/people'],
  ['owner', 'allowing a developer to pick up keys', () => `/people/${world.people.developer.actor.personId}/pick-up`],
  ['owner', 'the tokens', () => '/tokens'],
  ['owner', 'a new token', () => '/tokens/new'],
  ['owner', 'what their account rests on', () => '/account/security'],
  ['owner', 'changing the password', () => '/account/password'],
  ['owner', 'changing the address', () => '/account/email'],
  ['owner', 'replacing the code device', () => '/account/code-device'],
  ['owner', 'making recovery codes', () => '/account/recovery-codes'],
  ['owner', 'the time zone', () => '/time-zone'],
  ['owner', 'the letters they get', () => '/account/notifications'],
  ['owner', 'where they act', () => '/choose-organisation'],
  ['owner', 'what is not there', () => '/nowhere'],
  ['owner', 'the webhooks', () => '/webhooks'],
  ['owner', 'a webhook and its deliveries', () => `/webhooks/${webhookId}`],
  ['owner', 'one delivery of a webhook', () => `/webhooks/deliveries/${webhookDeliveryId}`],
  ['owner', 'a new secret for a webhook', () => `/webhooks/${webhookId}/secret`],
  ['owner', 'the removal of a webhook', () => `/webhooks/${webhookId}/removal`],
  ['admin', 'the desk’s own webhooks', () => '/webhooks'],
  ['viewer', 'what they may not do', () => '/rotations/new'],
  ['agent', 'the queue', () => '/queue'],
  ['agent', 'an empty view of the queue', () => '/queue?view=closed'],
  ['agent', 'the queue, searched', () => '/queue?q=acme&assignee=nobody'],
  ['agent', 'the overlaps of the queue', () => '/queue?view=overlap'],
  ['agent', 'the keyboard shortcuts', () => '/shortcuts'],
  ['agent', 'the reports', () => '/reports'],
  ['agent', 'a rotation to decide', () => `/rotations/${waiting}`],
  ['agent', 'the services of all', () => '/services'],
  ['agent', 'for whom to file', () => '/rotations/new'],
  ['agent', 'filing on behalf', () => `/rotations/new?organisation=${world.place.organisationId}`],
  ['agent', 'a rotation filed on behalf', () => `/rotations/${onBehalf}`],
  ['agent', 'the confirmation of one', () => `/rotations/${onBehalf}/filed`],
  ['admin', 'the approval rules', () => `/desk/policy?organisation=${world.place.organisationId}&kind=on_behalf`],
  ['admin', 'the organisations', () => '/organisations'],
  ['agent', 'the leaked keys', () => '/desk/leaks'],
  ['admin', 'bringing keys in', () => '/desk/imports'],
  ['admin', 'an import', () => `/desk/imports/${importId}`],
  ['admin', 'the gateways', () => '/gateways'],
  ['admin', 'the canned answers', () => '/desk/canned-answers'],
  ['admin', 'a canned answer', () => `/desk/canned-answers/${cannedAnswerId}`],
  ['admin', 'a service for an organisation', () => '/services/new'],
  ['admin', 'the staff', () => '/people'],
  ['admin', 'the letters', () => '/desk/letters'],
  ['admin', 'a letter to look at', () => '/desk/letters/old-key-stops'],
  ['admin', 'the desk’s health', () => '/desk/health'],
  ['admin', 'the policies', () => '/desk/policies'],
  ['admin', 'the policy of a service', () => `/desk/policies/${world.place.serviceId}`],
]

describe('axe-core finds nothing, no policy is broken and nothing scrolls sideways on', () => {
  test.for(PAGES)('%s: %s', async ([who, , path]) => {
    const visitor = visitors[who]
    await visitor.open(path())
    await expectAccessible(visitor, LOOKS)
    expect(visitor.complaints).toEqual([])
  })

  test('the sign-in, an invitation and the set-up', async () => {
    const visitor = await openVisitor(desk)
    await visitor.open('/sign-in')
    await expectAccessible(visitor, LOOKS)
    const { organisationId } = world.place
    const newcomer = { organisationId, name: 'Nia New', email: 'nia@acme.example', role: 'viewer' as const }
    await inviteMember(desk.desk.db, world.people.owner.actor, newcomer)
    await visitor.open(`/invitations/${await invitationToken(desk.desk.db, newcomer.email)}`)
    await expectAccessible(visitor, LOOKS)
    const first = await openVisitor(empty)
    await issueSetUpCode(empty.desk.db)
    await first.open('/')
    await first.page.getByText('Set up this desk').waitFor()
    await expectAccessible(first, LOOKS)
    expect([...visitor.complaints, ...first.complaints]).toEqual([])
  })
})

test('what others typed is shown as text and never runs', async () => {
  const { page } = visitors.agent
  let dialogs = 0
  page.on('dialog', (dialog) => {
    dialogs += 1
    return dialog.dismiss()
  })
  await visitors.agent.open(`/rotations/${waiting}`)
  expect(await page.getByText(HOSTILE).count()).toBeGreaterThan(1)
  expect(await page.locator('main img').count()).toBe(0)
  expect(dialogs).toBe(0)
})
