import { z } from 'zod'
import { findItemRef, findItemViews, type ItemView } from '../../../database/rotations/items.ts'
import { retryRotation } from '../../../desk/retry.ts'
import { closeItem } from '../../../desk/trouble/close-item.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { severalLines } from '../../../rules/text/foreign-text.ts'
import { type App, actorFor, type WebContext } from '../../context.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { stuckFacts } from '../../shown/trouble.ts'

const closing = z.object({
  reason: z
    .string()
    .trim()
    .max(2000, 'Use at most 2000 characters.')
    .transform(severalLines)
    .pipe(z.string().min(1, 'Say why, so that they know what to do.')),
})

async function itemOf(c: WebContext, id: string): Promise<ItemView> {
  const { db } = c.get('desk')
  const ref = await findItemRef(db, id)
  const items = ref === undefined ? [] : await findItemViews(db, [ref])
  const item = items.find((each) => each.id === id)
  if (item === undefined) throw new Refusal('NOT_FOUND')
  return item
}

async function askToClose(c: WebContext, id: string, again?: { values: Typed; problems: Problems }): Promise<Response> {
  actorFor(c, 'rotations.mend')
  const item = await itemOf(c, id)
  return showPage(c, 'close-item', {
    title: 'Give up on this key?',
    ...stuckFacts(item),
    ref: item.rotationRef,
    ...again,
  })
}

async function close(c: WebContext, id: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.mend')
  const { values, typed, problems } = await readForm(c, closing)
  const again = (problems: Problems) => askToClose(c, id, { values: typed, problems })
  if (problems !== null) return again(problems)
  const item = await itemOf(c, id)
  const there = c.redirect(`/rotations/${item.rotationRef}`, 303)
  // Sent twice, it is given up already.
  if (item.status === 'cancelled' && item.problem === values.reason) return there
  return orAskAgain(
    async () => {
      await closeItem(c.get('desk').db, actor, id, values)
      return there
    },
    again,
    { CONTAINS_SECRET: 'reason' },
  )
}

async function retry(c: WebContext, ref: string, itemIds?: readonly string[]): Promise<Response> {
  const actor = actorFor(c, 'rotations.mend')
  try {
    await retryRotation(c.get('desk').db, actor, ref, { itemIds })
  } catch (error) {
    // Sent twice, or by two agents at once, it is being tried already: the page shows where it stands.
    if (!(error instanceof Refusal) || error.code !== 'ILLEGAL_MOVE') throw error
  }
  return c.redirect(`/rotations/${ref}`, 303)
}

/** What the staff do about keys that could not be changed. */
export function addMending(app: App): void {
  app.post('/rotations/:ref/retry', (c) => retry(c, c.req.param('ref')))
  app.post('/items/:id/retry', async (c) => {
    actorFor(c, 'rotations.mend')
    const { id, rotationRef } = await itemOf(c, c.req.param('id'))
    return retry(c, rotationRef, [id])
  })
  app.get('/items/:id/closing', (c) => askToClose(c, c.req.param('id')))
  app.post('/items/:id/closing', (c) => close(c, c.req.param('id')))
}
