import { z } from 'zod'
import type { ItemView } from '../../../database/rotations/items.ts'
import { revokeEarly } from '../../../desk/follow-ups/revoke-early.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { joinWords } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, textsOf } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { oldKeyWorks, waitsForPickUp } from '../../shown/status.ts'
import { rotationOf } from '../rotation.ts'
import { keyChoice, lastUse, someItems } from './key-choices.ts'

const confirmation = z.object({
  item: someItems('Choose at least one old key to stop.'),
  sure: z.literal('yes', 'Tick the box if you are sure; there is no way back.'),
  code: z.string().optional(),
})

/** Why an old key should not stop yet: what would fail with it. */
function warnings(item: ItemView): string[] {
  const names = item.tasks.filter(({ state }) => state === 'to_do').map(({ name }) => name)
  return [
    ...(waitsForPickUp(item) ? ['Nobody has picked up its new key yet.'] : []),
    ...(names.length === 0 ? [] : [`Not given the new key yet: ${joinWords(names)}.`]),
  ]
}

function choice(item: ItemView, index: number, chosen: boolean, timeZone: string) {
  const usedAt = item.oldVersion?.lastUsedAt?.getTime() ?? 0
  const warned = warnings(item)
  return {
    ...keyChoice(item, index, chosen),
    ...lastUse(item.oldVersion, timeZone),
    note: warned.length === 0 ? null : warned.join(' '),
    warning: warned.length > 0 || Date.now() - usedAt < 86_400_000,
  }
}

async function ask(c: WebContext, ref: string, again?: { problems: Problems; sure: boolean }): Promise<Response> {
  actorFor(c, 'rotations.revokeEarly')
  const rotation = await rotationOf(c, ref)
  const open = rotation.items.filter(oldKeyWorks)
  if (open.length === 0) throw new Refusal('ILLEGAL_MOVE', { detail: 'None of the old keys works any more.' })
  const chosen = again === undefined ? open.map((item) => item.id) : await textsOf(c, 'item')
  const { timeZone } = bearerOf(c)
  return showPage(c, 'revoke-early', {
    title: 'Stop the old keys now?',
    ref,
    href: `/rotations/${ref}`,
    items: open.map((item, i) => choice(item, i, chosen.includes(item.id), timeZone)),
    sure: again?.sure ?? false,
    askCode: await needsCode(c),
    ...(again === undefined ? {} : { problems: again.problems }),
  })
}

async function revoke(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.revokeEarly')
  const { values, typed, problems } = await readForm(c, confirmation)
  const again = (problems: Problems) => ask(c, ref, { problems, sure: typed.sure === 'yes' })
  if (problems !== null) return again(problems)
  return orAskAgain(async () => {
    const { items } = await rotationOf(c, ref)
    const stillWork = items.some((item) => values.item.includes(item.id) && oldKeyWorks(item))
    // Sent twice, they have stopped already.
    if (!stillWork) return c.redirect(`/rotations/${ref}`, 303)
    await confirmWithCode(c, values.code)
    await revokeEarly(c.get('desk').db, actor, ref, { itemIds: values.item })
    return c.redirect(`/rotations/${ref}`, 303)
  }, again)
}

/** The page before what can't be undone: it shows the last use of every old key first. */
export function addEarlyRevocation(app: App): void {
  app.get('/rotations/:ref/early-revocation', (c) => ask(c, c.req.param('ref')))
  app.post('/rotations/:ref/early-revocation', (c) => revoke(c, c.req.param('ref')))
}
