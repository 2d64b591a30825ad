import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { newId } from '../../src/database/ids.ts'
import { findRotation } from '../../src/database/rotations/views.ts'
import { approveRotation } from '../../src/desk/decide.ts'
import { submitRotation } from '../../src/desk/submit.ts'
import { setDelivery } from '../../src/keyring/delivery/set-delivery.ts'
import { addDependant } from '../../src/keyring/dependants/add.ts'
import type { Role } from '../../src/rules/permissions.ts'
import type { Route } from '../../src/web/api/route.ts'
import { API_ROUTES } from '../../src/web/api/routes.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Answer, openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld, work } from '../support/worlds/api-world.ts'
import { makeSuspicious } from '../support/worlds/suspicious.ts'

const database = await openTestDatabase()
const desk = await openDesk(database)
let world: ApiWorld
/** What the first organisation has, by how the addresses of it begin. */
let own: Record<string, string>

async function made(path: string, body: object): Promise<string> {
  const answer = await world.clients.owner.confirmed('POST', path, { body })
  expect(answer.status, answer.text).toBe(201)
  return z.object({ id: z.string() }).parse(answer.json).id
}

/** What a change of a password proposes. */
async function propose({ people, place }: ApiWorld): Promise<string> {
  const row = { cause: 'password_changed' as const, keyIds: [place.authKeyId], at: new Date() }
  const whose = { organisationId: place.organisationId, personId: people.owner.actor.personId }
  const proposal = { id: newId('proposal'), ...whose, ...row }
  await desk.desk.db.insertInto('proposal').values(proposal).execute()
  return proposal.id
}

beforeAll(async () => {
  world = await makeApiWorld(desk)
  const { db } = desk.desk
  const { owner, agent, developer } = world.people
  const dependant = { type: 'kms', name: 'Ledger KMS' } as const
  const { id: dependantId } = await addDependant(db, owner.actor, world.place.authKeyId, dependant)
  // its age file is there for whoever may have it
  const recipient = await identityToRecipient(await generateX25519Identity())
  await setDelivery(db, owner.actor, world.place.serviceId, recipient)
  const items = [{ serviceId: world.place.serviceId, kinds: ['auth'] as const }]
  const { ref } = await submitRotation(db, owner.actor, { items, reason: 'suspected', overlapSeconds: 86_400 })
  await approveRotation(db, agent.actor, ref, { revision: 1 })
  await work(desk)
  const end = new Date(Date.now() + 10 * 86_400_000).toISOString()
  const rotation = await findRotation(db, owner.actor, ref)
  own = {
    rotations: ref,
    services: world.place.serviceId,
    keys: world.place.authKeyId,
    dependants: dependantId,
    tasks: rotation?.items[0]?.tasks[0]?.id ?? '',
    versions: rotation?.items[0]?.newVersionId ?? '',
    items: rotation?.items[0]?.id ?? '',
    'follow-ups': await made(`/v1/rotations/${ref}/extension`, { overlapEndsAt: end }),
    'webhook-endpoints': await made('/v1/webhook-endpoints', { url: 'https://93.184.215.14/rekey' }),
    members: developer.actor.personId,
    proposals: await propose(world),
    suspicions: await makeSuspicious(db, world.place.versionId),
    tokens: await made('/v1/tokens', { name: 'mine', expiresAt: end }),
  }
})

/** What names nobody's things: the desk's own, or a member's that has no address of their own. */
const NOT_OF_AN_ORGANISATION = ['imports', 'recovery-cases', 'gateways', 'staff', 'people', 'webhook-deliveries']

/** A body that every check of its form lets through, so that the answer is about what is addressed. */
const BODIES: Record<string, object> = {
  approveRotation: { revision: 1 },
  rejectRotation: { revision: 1, reason: 'no' },
  askCustomer: { revision: 1, message: 'Why?' },
  answerQuestion: { message: 'Because.' },
  writeMessage: { body: 'Hello.' },
  assignRotation: { assigneeId: null },
  extendOverlap: { overlapEndsAt: '2099-01-01T00:00:00Z' },
  rejectFollowUp: { reason: 'no' },
  closeItem: { reason: 'no' },
  removeService: { confirmName: 'Payments EU' },
  setDelivery: { ageRecipient: null },
  createKey: { kind: 'auth', name: 'Mine', permission: 'read_only' },
  editKey: { name: 'Mine' },
  deleteKey: { confirmName: 'Auth key' },
  rollWebhookSecret: { overlapSeconds: 60 },
  changeMemberRole: { role: 'viewer' },
  addDependant: { type: 'kms', name: 'Another' },
  rollKey: { overlapSeconds: 60 },
}

const addressed = API_ROUTES.filter(
  ({ path, access }) => path.includes('/:') && access !== 'public' && access !== 'gateway',
)

function resourceOf({ path }: Route): string {
  return path.split('/')[2] ?? ''
}

function addressOf(route: Route, id: string): string {
  return route.path.replace(/:\w+/, id)
}

function told({ status, json }: Answer): unknown {
  const { code, detail } = z.object({ code: z.string().optional(), detail: z.string().optional() }).parse(json ?? {})
  return { status, code, detail }
}

async function ask(role: Role | 'rival', route: Route, id: string): Promise<Answer> {
  const body = BODIES[route.operation]
  const sent = body === undefined ? {} : { body }
  return world.clients[role].confirmed(route.method.toUpperCase(), addressOf(route, id), sent)
}

test('every route that names a thing is looked at here', () => {
  expect(addressed.length).toBeGreaterThan(20)
  for (const route of addressed) {
    expect([...Object.keys(own), ...NOT_OF_AN_ORGANISATION], route.path).toContain(resourceOf(route))
  }
})

const ofOrganisations = addressed.filter((route) => !NOT_OF_AN_ORGANISATION.includes(resourceOf(route)))

describe('what is another organisation’s looks exactly like what is not there', () => {
  test.each(ofOrganisations.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s',
    async (_, route) => {
      const id = own[resourceOf(route)] ?? ''
      const foreign = await ask('rival', route, id)
      const missing = await ask('rival', route, id.startsWith('ROT-') ? 'ROT-999999' : `${id.slice(0, 4)}unknown`)
      expect(told(foreign)).toEqual(told(missing))
      expect([403, 404]).toContain(foreign.status)
      expect(foreign.text).not.toContain(world.place.organisationId)
    },
  )
})

test('an owner finds there what is theirs, so that the answers above are about whose it is', async () => {
  for (const route of ofOrganisations.filter(({ method }) => method === 'get')) {
    expect([route.path, (await ask('owner', route, own[resourceOf(route)] ?? '')).status]).toEqual([route.path, 200])
  }
})
