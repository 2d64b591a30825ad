import { findNextToDecide } from '../../../database/queue/next.ts'
import type { WebContext } from '../../context.ts'
import { deciderFor } from './decider.ts'

/** Leads to the next rotation that whoever asks can decide, after the one they come from; to the queue when there is none. */
export async function next(c: WebContext): Promise<Response> {
  const { decider } = deciderFor(c)
  const after = c.req.query('after') ?? ''
  const ref = await findNextToDecide(c.get('desk').db, decider, /^ROT-\d{1,15}$/.test(after) ? after : null)
  return c.redirect(ref === null ? '/queue?view=decide' : `/rotations/${ref}`, 303)
}
