import { z } from 'zod'
import { removeSavedView, saveView } from '../../../desk/saved-views.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { actorFor, type WebContext } from '../../context.ts'
import { orAskAgain, readForm } from '../../forms/form.ts'
import { queryOf, readAddress } from './address.ts'
import { showQueue } from './queue.ts'

const form = z.object({ query: z.string().catch(''), name: z.string().catch('') })

/** Keeps what the queue shows now under a name. What is kept is an address of the queue and nothing else, whatever was sent. */
export async function save(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'rotations.decide')
  const { values, typed } = await readForm(c, form)
  if (values === null) throw new Refusal('INVALID_REQUEST')
  const address = readAddress(new URLSearchParams(values.query))
  return orAskAgain(
    async () => {
      const query = queryOf(address)
      await saveView(c.get('desk').db, actor, { name: values.name, query })
      return c.redirect(`/queue?${query}`, 303)
    },
    (problems) => showQueue(c, address, { values: typed, problems }),
  )
}

export async function remove(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'rotations.decide')
  const { values } = await readForm(c, form)
  if (values === null) throw new Refusal('INVALID_REQUEST')
  await removeSavedView(c.get('desk').db, actor, values.name)
  return c.redirect(`/queue?${queryOf(readAddress(new URLSearchParams(values.query)))}`, 303)
}
