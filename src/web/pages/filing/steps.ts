import type { Reason } from '../../../rules/rotations/approvals.ts'
import { type Clock, clockOf } from '../../../rules/rotations/overlap.ts'
import { formatTime } from '../../../rules/text/times.ts'
import { clockInWords, count, durationInWords } from '../../../rules/text/words.ts'

type Plan = {
  reason: Reason
  keyCount: number
  notBefore: Date | null
  overlapSeconds: number
  decideBy: Date | null
  approvalsNeeded?: number
  /** Filed by the staff for an owner. */
  onBehalf?: boolean
  /** What ends the overlap before its time. */
  clock?: Clock
  /** Approved by the policy of a self-service, so that it was scheduled at once. */
  byPolicy?: boolean
}

/** How many have to approve is settled when it is filed. */
function deciders({ approvalsNeeded, onBehalf, byPolicy }: Plan): string {
  if (byPolicy) return 'Nobody else has to approve it: its services have self-service'
  if (onBehalf) return 'Two others of the staff have to approve it'
  if (approvalsNeeded === undefined) return 'An agent of the desk decides, or two where more is at stake'
  return approvalsNeeded === 2 ? 'Two agents of the desk have to approve it' : 'An agent of the desk decides'
}

function decision(plan: Plan, timeZone: string): string {
  const { reason, decideBy } = plan
  const who = deciders(plan)
  if (plan.byPolicy) return `${who}.`
  const first = reason === 'compromised' ? ' Requests about leaked keys are looked at first.' : ''
  if (decideBy === null) return `${who}.${first}`
  const told = plan.onBehalf ? '' : ' You get an email.'
  return `${who}, at the latest by ${formatTime(decideBy, timeZone)}.${first}${told}`
}

function keysOf({ keyCount }: Plan): string {
  return count(keyCount, 'new key')
}

function making(plan: Plan, timeZone: string, now: Date): string {
  const made = `${keysOf(plan)} ${plan.keyCount === 1 ? 'is' : 'are'} made`
  if (plan.notBefore === null || plan.notBefore <= now) return `As soon as it is approved, ${made}.`
  return `Once approved, ${made} at ${formatTime(plan.notBefore, timeZone)} or a little later.`
}

function ending({ overlapSeconds, onBehalf, clock }: Plan): string {
  if (overlapSeconds === 0) return 'The old keys stop at the same moment: calls fail until the new keys are in place.'
  const sooner = clockInWords(clock ?? clockOf({}))
  const both = `Old and new keys both work for ${durationInWords(overlapSeconds)}`
  if (sooner !== null) return `${both} at most: each old key stops ${sooner}, if that comes before.`
  return `${both}. ${onBehalf ? 'An owner' : 'You'} can stop the old ones earlier.`
}

const A_FEW_MINUTES_MS = 300_000

/** Whether a start was most likely not meant to be in the past; "now", typed a moment ago, is meant so. */
export function startHasPassed(notBefore: Date | null, now: Date): boolean {
  return notBefore !== null && now.getTime() - notBefore.getTime() > A_FEW_MINUTES_MS
}

/** What a filed rotation will do, one sentence a step, with the times by which it does. */
export function nextSteps(plan: Plan, timeZone: string, now: Date): string[] {
  const whoPicks = plan.onBehalf ? 'An owner picks' : 'You pick'
  const pickUp = `${whoPicks} each new key up here, once, with a one-time code, and put${plan.onBehalf ? 's' : ''} it in place.`
  const told = 'All owners get an email at once, with your name and how you verified who asked.'
  const steps = [decision(plan, timeZone), making(plan, timeZone, now), pickUp, ending(plan)]
  return plan.onBehalf ? [told, ...steps] : steps
}
