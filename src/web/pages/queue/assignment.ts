import { z } from 'zod'
import { assignRotation } from '../../../desk/assign.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { actorFor, type WebContext } from '../../context.ts'
import { orAskAgain, readForm, textsOf } from '../../forms/form.ts'
import { showRotation } from '../rotation.ts'
import { queryOf, readAddress } from './address.ts'
import { showQueue } from './queue.ts'

const TICK = /^(ROT-\d{1,15})\/([A-Za-z0-9_-]{0,64})$/
const MOST_AT_ONCE = 100
const bulk = z.object({ query: z.string().catch(''), assignee: z.string().catch(''), take: z.string().optional() })
const single = z.object({ assignee: z.string().catch(''), from: z.string().catch('') })

/** What a form calls an assignee: `me`, `nobody`, or a person's id. */
function assigneeIdOf(text: string, personId: string): string | null {
  return text === 'me' ? personId : text === 'nobody' ? null : text
}

function personOf(text: string): string | null {
  return text === '' ? null : text
}

type Ticked = { ref: string; from: string | null }

function readTick(text: string): Ticked {
  const [, ref, from = ''] = TICK.exec(text) ?? []
  if (ref === undefined) throw new Refusal('INVALID_REQUEST')
  return { ref, from: personOf(from) }
}

/** What stands in the way of one rotation, so that the others can still be assigned. */
const KEEPS: readonly string[] = ['ASSIGNED_MEANWHILE', 'ILLEGAL_MOVE', 'NOT_FOUND']

/**
 * Assigns what was ticked, one after the other: each is taken from whom the page showed, and left as it is when somebody
 * changed that meanwhile. Nothing else is ever done to several at once.
 */
export async function assignTicked(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'rotations.assign')
  const { values } = await readForm(c, bulk)
  if (values === null) throw new Refusal('INVALID_REQUEST')
  const address = readAddress(new URLSearchParams(values.query))
  const ticked = (values.take === undefined ? await textsOf(c, 'rotation') : [values.take]).map(readTick)
  const wished = values.take === undefined ? values.assignee : 'me'
  const again = (problems: Record<string, string>) => showQueue(c, address, { values: {}, problems })
  if (ticked.length === 0) return again({ assignee: 'Tick at least one request first.' })
  if (ticked.length > MOST_AT_ONCE) throw new Refusal('INVALID_REQUEST')
  if (wished === '') return again({ assignee: 'Choose who is to look after them.' })
  const run = async () => {
    const kept: string[] = []
    for (const { ref, from } of ticked) {
      const assignment = { assigneeId: assigneeIdOf(wished, actor.personId), from }
      await assignRotation(c.get('desk').db, actor, ref, assignment).catch((error: unknown) => {
        if (!(error instanceof Refusal) || !KEEPS.includes(error.code)) throw error
        kept.push(ref)
      })
    }
    const outcome = new URLSearchParams({ assigned: String(ticked.length - kept.length), kept: kept.join(',') })
    return c.redirect(`/queue?${queryOf(address)}&${outcome}`, 303)
  }
  return orAskAgain(run, (problems) => again({ assignee: problems.assigneeId ?? '' }))
}

/** The same for one, from its own page. */
export async function assignOne(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.assign')
  const { values } = await readForm(c, single)
  if (values === null) throw new Refusal('INVALID_REQUEST')
  const again = (problem: string) => showRotation(c, ref, { form: null, values: {}, problems: { assignee: problem } })
  if (values.assignee === '') return again('Choose who is to look after it.')
  const assignment = { assigneeId: assigneeIdOf(values.assignee, actor.personId), from: personOf(values.from) }
  return orAskAgain(
    async () => {
      await assignRotation(c.get('desk').db, actor, ref, assignment)
      return c.redirect(`/rotations/${ref}`, 303)
    },
    ({ assigneeId, assignee }) => again(assigneeId ?? assignee ?? ''),
    { ASSIGNED_MEANWHILE: 'assignee' },
  )
}
