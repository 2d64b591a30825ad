import { setTimeout as sleep } from 'node:timers/promises'
import { createWebhookEndpoint } from '../../desk/webhooks/endpoints.ts'
import { createGateway } from '../../keyring/gateways.ts'
import { deliverDueLetters, openMail } from '../../outbox/deliver.ts'
import type { Foundation } from '../../start.ts'
import type { DemoService, World } from '../demo-file.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { Receiver } from '../webhooks/receiver.ts'
import { makePeople, type Organisation, type People } from './people.ts'
import { makeService, type NewDemoService } from './services.ts'
import { makeShow } from './show.ts'
import { showPeople } from './show-people.ts'
import { showPolicies } from './show-policies.ts'
import { showTokens } from './tokens.ts'

const FILINGS_PER_HOUR = 10_000
const LETTER_TRIES = 50

// Free of live rotations, so that whoever tries things finds them as they are.
const SERVICES: readonly (readonly NewDemoService[])[] = [
  [
    { name: 'Payments EU', environment: 'live' },
    { name: 'Payments US', environment: 'live' },
    { name: 'Playground', environment: 'sandbox', selfService: true },
  ],
  [
    { name: 'Storefront', environment: 'live' },
    { name: 'Storefront test', environment: 'sandbox' },
  ],
]

type Post = { deliver: () => Promise<number>; invitationFor: (email: string) => Promise<string> }

/** Letters go the way they always go, and invitations are opened out of the inbox. */
function openPost({ config, db, log }: Foundation, inbox: Inbox): Post & Disposable {
  const mail = openMail({ ...config, smtpUrl: inbox.smtpUrl })
  if (mail === null) throw new Error('the inbox has no address')
  const deliver = () => deliverDueLetters(db, mail, log)
  async function invitationFor(email: string): Promise<string> {
    for (let tries = 0; tries < LETTER_TRIES; tries++) {
      await deliver()
      const texts = inbox.letters().filter((letter) => letter.to.includes(email))
      const path = texts.map((letter) => /\/invitations\/[\w-]+/.exec(letter.text)?.[0]).find((each) => each)
      if (path !== undefined) return path
      await sleep(100)
    }
    throw new Error(`no invitation for ${email} arrived`)
  }
  return { deliver, invitationFor, [Symbol.dispose]: () => mail.close() }
}

async function makeServices(desk: Foundation, organisations: readonly Organisation[]): Promise<DemoService[]> {
  const services: DemoService[] = []
  for (const [position, organisation] of organisations.entries()) {
    for (const service of SERVICES[position] ?? []) {
      services.push(await makeService(desk, organisation.owner.actor, service))
    }
  }
  return services
}

function everybody({ admin, agents, organisations }: People) {
  const members = organisations.flatMap(({ owner, others }) => [owner, ...others])
  return [...members, ...agents, admin].map(({ person }) => person)
}

/** Tells the sample customer's program of everything that happens in the first organisation. */
async function makeWebhook({ db, maker }: Foundation, { organisations }: People, { url }: Receiver) {
  const owner = organisations[0]?.owner.actor
  if (owner === undefined) throw new Error('somebody is missing')
  const parts = { db, sealer: maker.sealer, checkWebhookUrl: async () => url }
  return createWebhookEndpoint(parts, owner, { url })
}

/** Makes the sample world, through the same verbs and letters that people use. */
export async function makeWorld(desk: Foundation, inbox: Inbox, receiver: Receiver): Promise<World> {
  using post = openPost(desk, inbox)
  const { db, maker } = desk
  await db.updateTable('policy').set({ filingsPerHour: FILINGS_PER_HOUR }).execute()
  const people = await makePeople({ db, sealer: maker.sealer, invitationFor: post.invitationFor })
  const gateway = await createGateway(db, people.admin.actor, { name: 'API gateway' })
  const services = await makeServices(desk, people.organisations)
  const webhook = await makeWebhook(desk, people, receiver)
  const keys = await makeShow(desk, people)
  await showPolicies(desk, people)
  await showTokens(db, people)
  await showPeople(db, people)
  const client = await createGateway(db, people.admin.actor, { name: 'Simulated client' })
  return {
    people: everybody(people),
    gatewayToken: gateway.token,
    services,
    show: { gatewayToken: client.token, keys },
    webhook,
  }
}
