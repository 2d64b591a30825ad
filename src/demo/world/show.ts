import { findRotation } from '../../database/rotations/views.ts'
import { carryOutNextDue } from '../../desk/carry-out.ts'
import { approveRotation, rejectRotation } from '../../desk/decide.ts'
import { revokeEarly } from '../../desk/follow-ups/revoke-early.ts'
import { submitRotation } from '../../desk/submit.ts'
import { withdrawRotation } from '../../desk/withdraw.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import type { Reason } from '../../rules/rotations/approvals.ts'
import type { Foundation } from '../../start.ts'
import type { People } from './people.ts'
import { makeService, type NewDemoService } from './services.ts'

const DAY_SECONDS = 86_400

type Filing = { reason: Reason; details: string; overlapSeconds: number; startsInDays?: number }
type Shown = { ref: string; secrets: string[] }
type Owner = PersonActor

/** A service of its own with a rotation of both keys, filed by its owner. */
async function file(desk: Foundation, owner: Owner, service: NewDemoService, filing: Filing): Promise<Shown> {
  const { id, keys } = await makeService(desk, owner, service)
  const { startsInDays, ...rest } = filing
  const notBefore = startsInDays === undefined ? null : new Date(Date.now() + startsInDays * DAY_SECONDS * 1000)
  const items = [{ serviceId: id, kinds: ['auth', 'admin'] as const }]
  const { ref } = await submitRotation(desk.db, owner, { ...rest, notBefore, items })
  return { ref, secrets: keys.map((key) => key.secret) }
}

async function approve({ db }: Foundation, agent: PersonActor, ref: string): Promise<void> {
  const rotation = await findRotation(db, agent, ref)
  await approveRotation(db, agent, ref, { revision: rotation?.revision ?? 1 })
}

/** What the worker does, done here and now. */
async function carryOutDue({ db, maker }: Foundation): Promise<void> {
  while (await carryOutNextDue(db, maker));
}

/** Rotations that run: one whose new keys wait to be picked up, one that is to start later. */
async function showRunning(desk: Foundation, owner: Owner, agent: PersonActor): Promise<string[]> {
  const running = await file(
    desk,
    owner,
    { name: 'Invoicing EU', environment: 'live' },
    { reason: 'scheduled', details: 'Yearly rotation.', overlapSeconds: 14 * DAY_SECONDS },
  )
  await approve(desk, agent, running.ref)
  await carryOutDue(desk)
  const later = await file(
    desk,
    owner,
    { name: 'Card vault', environment: 'live' },
    {
      reason: 'staff_change',
      details: 'An engineer with access left.',
      overlapSeconds: 7 * DAY_SECONDS,
      startsInDays: 5,
    },
  )
  await approve(desk, agent, later.ref)
  return [...running.secrets, ...later.secrets]
}

/** Rotations that are over, each in another way. */
async function showFinished(desk: Foundation, owner: Owner, agent: PersonActor): Promise<void> {
  const { db } = desk
  const leaked = await file(
    desk,
    owner,
    { name: 'Fraud scoring', environment: 'live' },
    { reason: 'suspected', details: 'A laptop was lost.', overlapSeconds: 30 * DAY_SECONDS },
  )
  await approve(desk, agent, leaked.ref)
  await carryOutDue(desk)
  await revokeEarly(db, owner, leaked.ref, {})
  await carryOutDue(desk)
  const refused = await file(
    desk,
    owner,
    { name: 'Reports', environment: 'sandbox' },
    { reason: 'other', details: 'Trying this out.', overlapSeconds: DAY_SECONDS },
  )
  await rejectRotation(db, agent, refused.ref, { revision: 1, reason: 'Please try this with a service of your own.' })
  const withdrawn = await file(
    desk,
    owner,
    { name: 'Newsletter', environment: 'live' },
    { reason: 'lost', details: 'Found it again.', overlapSeconds: DAY_SECONDS },
  )
  await withdrawRotation(db, owner, withdrawn.ref)
}

/** Rotations that wait for an agent, the compromised one first. */
async function showWaiting(desk: Foundation, owner: Owner, otherOwner: Owner): Promise<string[]> {
  const shown = [
    await file(
      desk,
      owner,
      { name: 'Ledger', environment: 'sandbox' },
      { reason: 'scheduled', details: '', overlapSeconds: 30 * DAY_SECONDS },
    ),
    await file(
      desk,
      otherOwner,
      { name: 'Shipping labels', environment: 'live' },
      { reason: 'compromised', details: 'The key was in a public repository.', overlapSeconds: 3_600 },
    ),
  ]
  return shown.flatMap((each) => each.secrets)
}

/** Fills lists and queue with rotations on services of their own. Gives the secrets that the old keys' client still calls with. */
export async function makeShow(desk: Foundation, { organisations, agents }: People): Promise<string[]> {
  const [first, second] = organisations.map((organisation) => organisation.owner.actor)
  const agent = agents[0]?.actor
  if (first === undefined || second === undefined || agent === undefined) throw new Error('somebody is missing')
  await showFinished(desk, first, agent)
  const running = await showRunning(desk, first, agent)
  const waiting = await showWaiting(desk, first, second)
  return [...running, ...waiting]
}
