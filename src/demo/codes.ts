import { generate } from 'otplib'
import type { DemoPerson } from './demo-file.ts'

const STEP_SECONDS = 30

/** The person's one-time code at a moment, in milliseconds (RFC 6238). */
function codeAt(totpSecret: string, milliseconds: number): Promise<string> {
  return generate({ secret: totpSecret, period: STEP_SECONDS, epoch: Math.floor(milliseconds / 1000) })
}

/** The code of the time step before: it enrols a device and leaves the present code for a first sign-in. */
export function previousCode(totpSecret: string): Promise<string> {
  return codeAt(totpSecret, Date.now() - STEP_SECONDS * 1000)
}

/** Each person's present code, by address, and the seconds that it is still shown. */
export async function currentCodes(people: readonly DemoPerson[]) {
  const now = Date.now()
  const codes = people.map(async ({ email, totpSecret }) => [email, await codeAt(totpSecret, now)] as const)
  const secondsLeft = STEP_SECONDS - (Math.floor(now / 1000) % STEP_SECONDS)
  return { codes: Object.fromEntries(await Promise.all(codes)), secondsLeft }
}
