import { hasStepUp, spendStepUp, stepUpSession } from '../../identity/sign-in/step-up.ts'
import { Refusal } from '../../rules/refusals.ts'
import { bearerOf, type WebContext } from '../context.ts'
import { sessionTokenOf, setSession } from '../session-cookie.ts'

/** Whether a page has to ask for a one-time code beside what it is about to do. */
export async function needsCode(c: WebContext): Promise<boolean> {
  return !(await hasStepUp(c.get('desk').db, bearerOf(c)))
}

async function takeCode(c: WebContext, code: string): Promise<void> {
  const { db, sealer } = c.get('desk')
  const { sessionToken } = await stepUpSession(db, sealer, sessionTokenOf(c) ?? '', code)
  setSession(c, sessionToken)
}

/**
 * Spends one call of the session's step-up, after the code typed beside it, if one was needed, has given one. Refuses
 * STEP_UP_REQUIRED, CODE_REJECTED, CODE_LOCKED. A form that was sent twice may have used its code a moment ago: then the
 * step-up that it gave is there, and the code isn't looked at again.
 */
export async function confirmWithCode(c: WebContext, code: string | undefined): Promise<void> {
  const { db } = c.get('desk')
  const bearer = bearerOf(c)
  if (await needsCode(c)) {
    if (code === undefined || code.trim() === '') throw new Refusal('STEP_UP_REQUIRED')
    await takeCode(c, code)
  }
  await spendStepUp(db, bearer, null)
}
