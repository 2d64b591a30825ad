import type { Db } from '../database/connect.ts'
import { type Limit, returnPoint, spendPoint } from '../database/limits.ts'
import { findPolicy } from '../database/policy.ts'
import { networkOf } from '../rules/networks.ts'

// A right password gives its points back, so these count wrong ones.
const SIGN_IN_PER_NETWORK: Limit = { name: 'sign-in-network', points: 100, seconds: 5 * 60 }
const SIGN_IN_PER_EMAIL: Limit = { name: 'sign-in-email', points: 20, seconds: 15 * 60 }
const SET_UP_TRIES: Limit = { name: 'set-up', points: 20, seconds: 15 * 60 }

const RESETS_PER_NETWORK: Limit = { name: 'reset-network', points: 20, seconds: 15 * 60 }
const EMAIL_CHANGES_PER_PERSON: Limit = { name: 'email-change', points: 5, seconds: 60 * 60 }

const INVITATIONS_PER_PERSON: Limit = { name: 'invitation', points: 50, seconds: 60 * 60 }

/** Counts an invitation by who sends it, so that nobody floods strangers with mail. Refuses with `TOO_MANY_REQUESTS`. */
export async function spendInvitation(db: Db, inviterId: string): Promise<void> {
  await spendPoint(db, INVITATIONS_PER_PERSON, inviterId)
}

/** Counts a try to sign in, by network and by address, known or not. Refuses with `TOO_MANY_REQUESTS`. */
export async function spendSignIn(db: Db, network: string, email: string): Promise<void> {
  await spendPoint(db, SIGN_IN_PER_NETWORK, networkOf(network))
  await spendPoint(db, SIGN_IN_PER_EMAIL, email)
}

/** Gives a try back whose password was right. */
export async function returnSignIn(db: Db, network: string, email: string): Promise<void> {
  await returnPoint(db, SIGN_IN_PER_NETWORK, networkOf(network))
  await returnPoint(db, SIGN_IN_PER_EMAIL, email)
}

/** Counts a try of the set-up code. Refuses with `TOO_MANY_REQUESTS`. */
export async function spendSetUpTry(db: Db, network: string): Promise<void> {
  await spendPoint(db, SET_UP_TRIES, networkOf(network))
}

const ACCESS_REQUESTS_PER_NETWORK: Limit = { name: 'lost-access-network', points: 20, seconds: 60 * 60 }
const ACCESS_REQUESTS_PER_EMAIL: Limit = { name: 'lost-access-email', points: 3, seconds: 24 * 60 * 60 }

// Without the proof of work, as from a browser without JavaScript: enough for people, and of no use to programs.
const UNPROVEN_PER_NETWORK: Limit = { name: 'lost-access-unproven-network', points: 3, seconds: 60 * 60 }
const UNPROVEN_IN_ALL: Limit = { name: 'lost-access-unproven', points: 60, seconds: 60 * 60 }

/** Counts a request for lost access that comes without a proof of work, by network and in all. Refuses with `TOO_MANY_REQUESTS`. */
export async function spendUnprovenRequest(db: Db, network: string): Promise<void> {
  await spendPoint(db, UNPROVEN_PER_NETWORK, networkOf(network))
  await spendPoint(db, UNPROVEN_IN_ALL, 'all')
}

/** Counts a request for lost access, by network and by address, known or not. Refuses with `TOO_MANY_REQUESTS`. */
export async function spendAccessRequest(db: Db, network: string, email: string): Promise<void> {
  await spendPoint(db, ACCESS_REQUESTS_PER_NETWORK, networkOf(network))
  const { resetsPerHour } = await findPolicy(db)
  await spendPoint(db, { name: 'lost-access-hour', points: resetsPerHour, seconds: 60 * 60 }, email)
  await spendPoint(db, ACCESS_REQUESTS_PER_EMAIL, email)
}

/** Counts a wish for a password reset, by network and, as often an hour as the policy says, by address, known or not. Refuses with `TOO_MANY_REQUESTS`. */
export async function spendReset(db: Db, network: string, email: string): Promise<void> {
  await spendPoint(db, RESETS_PER_NETWORK, networkOf(network))
  const { resetsPerHour } = await findPolicy(db)
  await spendPoint(db, { name: 'reset-email', points: resetsPerHour, seconds: 60 * 60 }, email)
}

/** Counts a change of address by who asks for it, so that nobody floods strangers with mail. Refuses with `TOO_MANY_REQUESTS`. */
export async function spendEmailChange(db: Db, personId: string): Promise<void> {
  await spendPoint(db, EMAIL_CHANGES_PER_PERSON, personId)
}
