import { z } from 'zod'
import type { ItemView } from '../../../database/rotations/items.ts'
import type { RotationView } from '../../../database/rotations/views.ts'
import { rollBack } from '../../../desk/follow-ups/roll-back.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { rollbackApprovals } from '../../../rules/rotations/follow-ups.ts'
import { joinWords, keyWords } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, textsOf } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { rotationOf } from '../rotation.ts'
import { askableItems, keyChoice, lastUse, someItems } from './key-choices.ts'

const confirmation = z.object({
  item: someItems('Choose at least one old key to go back to.'),
  sure: z.literal('yes', 'Tick the box if you are sure; there is no way back.'),
  code: z.string().optional(),
})

const LEAKED =
  'This request says that the old keys leaked. Going back leaves the leaked keys working, so two support agents have to approve it. Until then nothing changes.'

/** What was given the new key already, and stops when that is deleted. */
function givenNote({ tasks }: ItemView): string | null {
  const names = tasks.filter(({ state }) => state === 'done').map(({ name }) => name)
  return names.length === 0
    ? null
    : `Was given the new key, and has to be given the old one again: ${joinWords(names)}.`
}

function deletedFacts(item: ItemView, timeZone: string) {
  const { newVersion } = item
  const pickedUp = newVersion?.pickedUp
    ? `picked up by ${newVersion.revealedBy ?? newVersion.acknowledgedBy}.`
    : 'picked up by nobody.'
  const { useText, lastUsed, network } = lastUse(newVersion, timeZone)
  return {
    service: item.serviceName,
    kindWord: keyWords({ kind: item.kind, name: item.keyName }),
    last4: newVersion?.last4 ?? '',
    text: `${pickedUp} ${useText}`,
    lastUsed,
    network,
  }
}

async function ask(c: WebContext, ref: string, again?: { problems: Problems; sure: boolean }): Promise<Response> {
  actorFor(c, 'rotations.followUp')
  const rotation = await rotationOf(c, ref)
  const items = askableItems(rotation, 'rollback')
  if (items.length === 0) {
    const detail =
      'There is no old key here to go back to: they have stopped for good, or it was asked for already. If the new keys are of no use, request a new rotation.'
    throw new Refusal('ILLEGAL_MOVE', { detail })
  }
  const { timeZone } = bearerOf(c)
  const chosen = again === undefined ? items.map(({ id }) => id) : await textsOf(c, 'item')
  const waits = rollbackApprovals(rotation.reason) > 0
  return showPage(c, 'rollback', {
    title: 'Go back to the old keys?',
    ref,
    href: `/rotations/${ref}`,
    leaked: waits ? LEAKED : null,
    buttonWord: waits ? 'Ask to go back' : 'Delete the new keys and go back',
    items: items.map((item, i) => ({
      ...keyChoice(item, i, chosen.includes(item.id)),
      ...lastUse(item.oldVersion, timeZone),
      warning: false,
      note: givenNote(item),
      until: null,
      untilWord: '',
    })),
    deleted: items.map((item) => deletedFacts(item, timeZone)),
    sure: again?.sure ?? false,
    askCode: await needsCode(c),
    ...(again === undefined ? {} : { problems: again.problems }),
  })
}

/** Whether it was done or asked for a moment ago: a form sent twice finds its own. */
function wasAsked(rotation: RotationView, itemIds: readonly string[]): boolean {
  const asked = rotation.followUps.filter(
    ({ type, status }) => type === 'rollback' && (status === 'requested' || status === 'done'),
  )
  const known = asked.flatMap((followUp) => followUp.itemIds)
  return itemIds.every((id) => known.includes(id))
}

async function goBack(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.followUp')
  const { values, typed, problems } = await readForm(c, confirmation)
  const again = (problems: Problems) => ask(c, ref, { problems, sure: typed.sure === 'yes' })
  if (problems !== null) return again(problems)
  if (wasAsked(await rotationOf(c, ref), values.item)) return c.redirect(`/rotations/${ref}`, 303)
  return orAskAgain(async () => {
    await confirmWithCode(c, values.code)
    await rollBack(c.get('desk').db, actor, ref, { itemIds: values.item })
    return c.redirect(`/rotations/${ref}`, 303)
  }, again)
}

/** The page before the new keys are deleted, which can't be undone. */
export function addRollback(app: App): void {
  app.get('/rotations/:ref/rollback', (c) => ask(c, c.req.param('ref')))
  app.post('/rotations/:ref/rollback', (c) => goBack(c, c.req.param('ref')))
}
