import { sql } from 'kysely'
import { beforeAll, describe, expect, test } from 'vitest'
import { findInvitations } from '../../src/database/people/places.ts'
import { disablePerson } from '../../src/identity/members/accounts.ts'
import { inviteMember } from '../../src/identity/members/organisations.ts'
import { carryOutRecoveryCase } from '../../src/identity/recovery/carry-out.ts'
import { confirmRecoveryCase } from '../../src/identity/recovery/decide.ts'
import { openRecoveryCase } from '../../src/identity/recovery/open.ts'
import { answerNextAccessRequest, requestAccess } from '../../src/identity/recovery/request.ts'
import { expectAccessible, LOOKS, openAs, openVisitor, typeCode, type Visitor } from '../support/browser.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk, sealer } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import { codeFor, type Enrolled, enrolMember, enrolOwner, recoveryOf, VERIFIED } from '../support/worlds/people.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
const { db } = desk.desk
let world: ApiWorld
let visitors: Record<'owner' | 'viewer' | 'agent' | 'otherAgent' | 'admin', Visitor>
let lost: Enrolled
let ownerless: string
let requestLink: string
let accessLink: string
const cases = { requested: '', opened: '', confirmed: '', ready: '', refused: '' }
const LONG_NAME = 'Maximiliane-Theodora von Württemberg-Hohenzollern of the Customer Integrations Department'

async function linkTo(kind: string, email: string): Promise<string> {
  const letters = db.selectFrom('letter').select('facts').where('kind', '=', kind).where('toAddress', '=', email)
  const letter = await letters.orderBy('createdAt', 'desc').orderBy('id', 'desc').executeTakeFirstOrThrow()
  return String(letter.facts.path)
}

async function requestLinkFor({ email }: Enrolled): Promise<string> {
  await requestAccess(db, { email, organisation: 'Acme', network: '192.0.2.1', proof: null })
  while (await answerNextAccessRequest(db));
  return linkTo('lost-access', email)
}

async function coolDown(id: string): Promise<void> {
  await db
    .updateTable('recoveryCase')
    .set({ notBefore: sql<Date>`not_before - interval '3 days'` })
    .where('id', '=', id)
    .execute()
}

async function makeCases(member: (name: string) => Promise<Enrolled>): Promise<void> {
  const { agent, otherAgent } = world.people
  const open = async (person: Enrolled) => (await openRecoveryCase(db, agent.actor, recoveryOf(person.actor))).id
  cases.opened = await open(await member('Opened'))
  cases.confirmed = await open(await member('Confirmed'))
  cases.ready = await open(await member('Ready'))
  for (const id of [cases.confirmed, cases.ready]) await confirmRecoveryCase(db, otherAgent.actor, id)
  await coolDown(cases.ready)
  const done = await member('Done')
  const id = await open(done)
  await confirmRecoveryCase(db, otherAgent.actor, id)
  await coolDown(id)
  await carryOutRecoveryCase(db, agent.actor, id)
  accessLink = await linkTo('access-link', done.email)
}

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const { owner, viewer, agent, otherAgent, admin } = world.people
  const place = { ...owner, organisationId: world.place.organisationId }
  const member = (name: string) =>
    enrolMember(db, sealer, place, { name, email: `${name.toLowerCase()}@acme.example`, role: 'developer' })
  lost = await member('Lotte')
  await makeCases(member)
  await inviteMember(db, owner.actor, {
    name: LONG_NAME,
    email: 'a.very.long.address.of.somebody@department.acme.example',
    role: 'viewer',
    ...world.place,
  })
  requestLink = await requestLinkFor(await member('Asking'))
  const gone = { name: 'Gone Ltd', owner: { name: 'Gone Owner', email: 'gone@gone.example' } }
  const goneOwner = await enrolOwner(db, sealer, admin, gone)
  ownerless = goneOwner.organisationId
  await disablePerson(db, admin.actor, goneOwner.actor.personId)
  await db.updateTable('person').set({ lockedAt: new Date() }).where('email', '=', 'opened@acme.example').execute()
  visitors = {
    owner: await openAs(desk, owner),
    viewer: await openAs(desk, viewer),
    agent: await openAs(desk, agent),
    otherAgent: await openAs(desk, otherAgent),
    admin: await openAs(desk, admin),
  }
})

const person = () => world.people.developer.actor.personId
const organisation = () => world.place.organisationId

const PAGES: readonly (readonly [who: keyof typeof visitors, page: string, path: () => string])[] = [
  ['owner', 'the people', () => '/people'],
  ['owner', 'a member', () => `/people/${person()}`],
  ['owner', 'another role for a member', () => `/people/${person()}/role`],
  ['owner', 'the removal of a member', () => `/people/${person()}/removal`],
  ['owner', 'a case to object to', () => `/recovery/${cases.confirmed}`],
  ['viewer', 'a case to know of', () => `/recovery/${cases.opened}`],
  ['agent', 'the queue with what nobody can mend', () => '/queue'],
  ['agent', 'the organisations', () => '/organisations'],
  ['agent', 'an organisation', () => `/organisations/${organisation()}`],
  ['agent', 'an organisation without an owner', () => `/organisations/${ownerless}`],
  ['agent', 'a person', () => `/people/${person()}`],
  ['agent', 'the recovery cases', () => '/desk/recovery'],
  ['agent', 'a case for a lost access', () => `/desk/recovery/new?organisation=${organisation()}`],
  ['agent', 'a case for a new owner', () => `/desk/recovery/new?kind=no_owner&organisation=${ownerless}`],
  ['agent', 'a case that waits for another', () => `/desk/recovery/${cases.opened}`],
  ['otherAgent', 'a case to confirm', () => `/desk/recovery/${cases.opened}`],
  ['agent', 'a case that cools off', () => `/desk/recovery/${cases.confirmed}`],
  ['agent', 'a case to carry out', () => `/desk/recovery/${cases.ready}`],
  ['admin', 'the staff', () => '/people'],
  ['admin', 'an organisation to manage', () => `/organisations/${organisation()}`],
  ['admin', 'an invitation to an organisation', () => `/organisations/${organisation()}/invitation`],
  ['admin', 'a person to manage', () => `/people/${person()}`],
  ['admin', 'an account to disable', () => `/people/${person()}/disabling`],
]

describe('axe-core finds nothing, no policy is broken and nothing scrolls sideways on', () => {
  test.for(PAGES)('%s: %s', async ([who, , path]) => {
    const visitor = visitors[who]
    await visitor.open(path())
    await expectAccessible(visitor, LOOKS)
    expect(visitor.complaints).toEqual([])
  })

  test('an open invitation, and the forms with their problems', async () => {
    const { owner, otherAgent } = visitors
    const invitation = (await findInvitations(db, organisation())).find(({ recovery }) => !recovery)
    await owner.open(`/people/invitations/${invitation?.id}`)
    await expectAccessible(owner, LOOKS)
    await otherAgent.open(`/desk/recovery/${cases.opened}`)
    await otherAgent.press('Confirm')
    await otherAgent.page.getByText('There is a problem').waitFor()
    await expectAccessible(otherAgent, LOOKS)
    await otherAgent.open(`/desk/recovery/new?organisation=${organisation()}`)
    await otherAgent.press('Open the case')
    await otherAgent.page.getByText('There is a problem').waitFor()
    await expectAccessible(otherAgent, LOOKS)
  })

  test('the way of whoever lost their access', async () => {
    const visitor = await openVisitor(desk)
    for (const path of ['/lost-access', '/lost-access/sent', requestLink, accessLink]) {
      await visitor.open(path)
      await expectAccessible(visitor, LOOKS)
    }
    expect(visitor.complaints).toEqual([])
  })
})

test('an owner changes a role, sends an invitation again and removes a member', async () => {
  const { owner } = visitors
  const { page } = owner
  const developer = world.people.developer.actor
  await owner.open('/people')
  await page.getByRole('link', { name: developer.name, exact: true }).click()
  await page.getByRole('link', { name: 'Change the role' }).click()
  await page.getByLabel('viewer', { exact: true }).check()
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Change the role')
  await page.getByText('The role is changed').waitFor()
  await page.getByRole('link', { name: 'Send again or withdraw' }).last().click()
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Send it again')
  await page.getByText('They are invited by email.').waitFor()
  await owner.open(`/people/${developer.personId}`)
  await page.getByRole('link', { name: 'Remove' }).click()
  await typeCode(desk, owner, world.people.owner)
  await owner.press('Remove them')
  await page.getByText('They are removed.').waitFor()
  expect(await page.getByText(developer.name, { exact: true }).count()).toBe(0)
})

test('somebody loses their access, two agents and a cooling-off give it back, and an owner could have stopped it', async () => {
  const visitor = await openVisitor(desk)
  await visitor.open('/sign-in')
  await visitor.page.getByRole('link', { name: 'Lost your access?' }).click()
  await visitor.fill({ 'Email address': lost.email, 'Name of your organisation (optional)': 'Acme' })
  await visitor.press('Send me the link')
  await visitor.page.getByText('Look at your email').waitFor()
  while (await answerNextAccessRequest(db));
  await visitor.open(await linkTo('lost-access', lost.email))
  await visitor.press('Yes, I lost my access')
  await visitor.page.getByText('What happens next').waitFor()

  const { agent, otherAgent, owner } = visitors
  await agent.open('/desk/recovery')
  await agent.page.getByRole('link', { name: 'Lotte' }).click()
  await agent.page.getByLabel('How you made sure who called').fill(VERIFIED.verifiedBy)
  for (const box of await agent.page.getByRole('checkbox').all()) await box.check()
  await typeCode(desk, agent, world.people.agent)
  await agent.press('Open the case')
  await agent.page.getByText('somebody else has to do this').waitFor()
  const address = agent.page.url()

  await owner.open('/people')
  expect(await owner.page.getByRole('link', { name: 'look at it and object' }).count()).toBeGreaterThan(0)
  await otherAgent.page.goto(address)
  await otherAgent.page.getByRole('checkbox').check()
  await typeCode(desk, otherAgent, world.people.otherAgent)
  await otherAgent.press('Confirm')
  await otherAgent.page.getByText('Nothing shortens that').waitFor()
  expect(await otherAgent.page.getByRole('button', { name: 'Carry it out' }).count()).toBe(0)

  await coolDown(address.split('/').at(-1) ?? '')
  await agent.page.goto(address)
  await typeCode(desk, agent, world.people.agent)
  await agent.press('Carry it out')
  await agent.page.getByText('Done', { exact: true }).waitFor()

  await visitor.open(await linkTo('access-link', lost.email))
  await visitor.page.getByText('Get your access back').first().waitFor()
  const seed = ((await visitor.page.locator('.seed').textContent()) ?? '').replaceAll(' ', '')
  await visitor.fill({ 'Choose a password': 'a brook of seven otters', 'One-time code': codeFor(seed) })
  await visitor.press('Set up and sign in')
  await visitor.page.waitForURL((url) => url.pathname === '/rotations')
})

test('an owner objects, and the case is over', async () => {
  const { owner } = visitors
  await owner.open(`/recovery/${cases.confirmed}`)
  await owner.page.getByLabel('Why').fill('She sits next to me and has her phone.')
  await owner.press('Object')
  await owner.page.getByText('Refused:').waitFor()
  expect(await owner.page.getByRole('button', { name: 'Object' }).count()).toBe(0)
})
