import { findRotation } from '../../database/rotations/views.ts'
import { carryOutNextDue } from '../../desk/carry-out.ts'
import { approveRotation, rejectRotation } from '../../desk/decide.ts'
import { extendOverlap } from '../../desk/follow-ups/extend.ts'
import { revokeEarly } from '../../desk/follow-ups/revoke-early.ts'
import { rollBack } from '../../desk/follow-ups/roll-back.ts'
import { withdrawRotation } from '../../desk/withdraw.ts'
import { setDelivery } from '../../keyring/delivery/set-delivery.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import type { Foundation } from '../../start.ts'
import { bindToFirstKey } from './bind.ts'
import { showConversation } from './conversation.ts'
import { file } from './file.ts'
import type { People } from './people.ts'
import { showApprovals } from './show-approvals.ts'
import { showKeys } from './show-keys.ts'
import { showLeakAndImport } from './show-leak.ts'
import { showQueue } from './show-queue.ts'
import { showWatch } from './show-watch.ts'

const DAY_SECONDS = 86_400

type Owner = PersonActor

async function approve({ db }: Foundation, agent: PersonActor, ref: string): Promise<void> {
  const rotation = await findRotation(db, agent, ref)
  await approveRotation(db, agent, ref, { revision: rotation?.revision ?? 1 })
}

/** Nobody has its identity: whoever tries the demo puts their own recipient in its place, and has the keys made anew. */
const RECIPIENT = 'age188w4csmht2t6838c8nrx8drauznjlfx64xh29ce08tk6l4wntdfq35n9my'

/** Has the new keys of a rotation's service encrypted, as its owner does. */
async function sealTo({ db }: Foundation, owner: Owner, ref: string): Promise<void> {
  const rotation = await findRotation(db, owner, ref)
  await setDelivery(db, owner, rotation?.items[0]?.serviceId ?? '', RECIPIENT)
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
  await bindToFirstKey(desk, owner, running.ref)
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

/** Rotations that took another way: one for whose old keys more time waits for an agent, one that went back to its old keys. */
async function showFollowUps(desk: Foundation, owner: Owner, agent: PersonActor): Promise<string[]> {
  const { db } = desk
  const slow = await file(
    desk,
    owner,
    { name: 'Statements', environment: 'live' },
    { reason: 'suspected', details: 'A contractor may have kept them.', overlapSeconds: 3 * DAY_SECONDS },
  )
  await sealTo(desk, owner, slow.ref)
  await approve(desk, agent, slow.ref)
  await carryOutDue(desk)
  await extendOverlap(db, owner, slow.ref, { overlapEndsAt: new Date(Date.now() + 10 * DAY_SECONDS * 1000) })
  const back = await file(
    desk,
    owner,
    { name: 'Loyalty points', environment: 'live' },
    { reason: 'scheduled', details: 'Our shop could not take the new key.', overlapSeconds: 7 * DAY_SECONDS },
  )
  await approve(desk, agent, back.ref)
  await carryOutDue(desk)
  await rollBack(db, owner, back.ref)
  return [...slow.secrets, ...back.secrets]
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
export async function makeShow(desk: Foundation, people: People): Promise<string[]> {
  const { organisations, agents } = people
  const [first, second] = organisations.map((organisation) => organisation.owner.actor)
  const [agent, colleague] = agents.map((each) => each.actor)
  if (first === undefined || second === undefined || agent === undefined || colleague === undefined)
    throw new Error('somebody is missing')
  await showFinished(desk, first, agent)
  const running = await showRunning(desk, first, agent)
  const followedUp = await showFollowUps(desk, first, agent)
  const waiting = await showWaiting(desk, first, second)
  const talkedAbout = await showConversation(desk, people)
  const special = await showApprovals(desk, second, [agent, colleague])
  await showQueue(desk, agent, colleague)
  await showKeys(desk, first)
  await showWatch(desk.db, first)
  await showLeakAndImport(desk, first, people.admin.actor)
  return [...running, ...followedUp, ...waiting, ...talkedAbout, ...special]
}
