import { z } from 'zod'
import type { ItemView } from '../../../database/rotations/items.ts'
import type { RotationView } from '../../../database/rotations/views.ts'
import { extendOverlap } from '../../../desk/follow-ups/extend.ts'
import { longestOverlap } from '../../../rules/policy.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { extensionApprovals } from '../../../rules/rotations/follow-ups.ts'
import { DAY_SECONDS, MAX_OVERLAP_SECONDS } from '../../../rules/rotations/overlap.ts'
import { count, durationInWords } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, textsOf } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { shownTime, shownTimeOrNull } from '../../shown/times.ts'
import { rotationOf } from '../rotation.ts'
import { clockWaits, extendableItems, keyChoice, lastUse, latestEndOf, someItems } from './key-choices.ts'

const STEPS_DAYS = [1, 7, 14]

const wish = z.object({
  item: someItems('Choose at least one old key.'),
  overlapEndsAt: z.iso.datetime('Choose until when they are to work.').transform((text) => new Date(text)),
  code: z.string().optional(),
})

/** Ends to choose from, later than what any of the items has, up to the latest that all of them can have. */
function endsFor(items: readonly ItemView[]): { at: Date; word: string }[] {
  const latest = new Date(Math.min(...items.map((item) => latestEndOf(item).getTime())))
  const now = Math.min(...items.map((item) => item.overlapEndsAt?.getTime() ?? 0))
  const steps = STEPS_DAYS.map((days) => ({
    at: new Date(now + days * DAY_SECONDS * 1000),
    word: `${count(days, 'day')} more than now`,
  }))
  return [...steps.filter(({ at }) => at < latest), { at: latest, word: 'The latest there can be' }]
}

function wasExtended(rotation: RotationView, item: ItemView): boolean {
  return rotation.followUps.some(
    ({ type, status, itemIds }) => type === 'extension' && status === 'done' && itemIds.includes(item.id),
  )
}

function noteOf(rotation: RotationView, item: ItemView): string | null {
  if (clockWaits(item)) return 'With more time, use or pick-up of the new key no longer stops it sooner.'
  return wasExtended(rotation, item) ? 'It had more time before.' : null
}

/** Whether an agent has to approve it, in words, or null. */
function waitsWords(rotation: RotationView, items: readonly ItemView[]): string | null {
  if (extensionApprovals(rotation.reason, false, true) > 0) {
    return 'A support agent has to approve it, since the old keys may be in other hands. Until then they stop when they were to.'
  }
  const longest = longestOverlap(rotation.terms, rotation.reason)
  if (!items.some((item) => wasExtended(rotation, item))) {
    if (longest >= MAX_OVERLAP_SECONDS) return null
    return `More than ${durationInWords(longest)} after the new ones were made needs a support agent’s approval. Until then they stop when they were to.`
  }
  return 'Keys that had more time before need a support agent’s approval. Until then they stop when they were to.'
}

type Again = { problems: Problems; until: string | undefined }

async function ask(c: WebContext, ref: string, again?: Again): Promise<Response> {
  actorFor(c, 'rotations.followUp')
  const rotation = await rotationOf(c, ref)
  const items = extendableItems(rotation)
  if (items.length === 0) {
    const detail = 'No old key here can have more time: they have stopped, reach their latest end, or it was asked for.'
    throw new Refusal('ILLEGAL_MOVE', { detail })
  }
  const { timeZone } = bearerOf(c)
  const chosen = again === undefined ? items.map(({ id }) => id) : await textsOf(c, 'item')
  const ends = endsFor(items)
  const waits = waitsWords(rotation, items)
  return showPage(c, 'extension', {
    title: 'More time for the old keys',
    ref,
    href: `/rotations/${ref}`,
    limitWord: '30 days after the new ones were made',
    waits,
    buttonWord: waits === null ? 'Give them more time' : 'Ask for more time',
    items: items.map((item, i) => ({
      ...keyChoice(item, i, chosen.includes(item.id)),
      ...lastUse(item.oldVersion, timeZone),
      warning: false,
      note: noteOf(rotation, item),
      untilWord: 'Stops',
      until: shownTimeOrNull(item.overlapEndsAt, timeZone),
    })),
    ends: ends.map(({ at, word }, i) => ({
      inputId: i === 0 ? 'overlapEndsAt' : `end-${i}`,
      at: shownTime(at, timeZone),
      word,
      chosen: again?.until === at.toISOString() || (again === undefined && i === Math.min(1, ends.length - 1)),
    })),
    askCode: await needsCode(c),
    ...(again === undefined ? {} : { problems: again.problems }),
  })
}

/** Whether the same was asked for a moment ago: a form sent twice finds its own. */
function wasAsked(rotation: RotationView, until: Date, itemIds: readonly string[]): boolean {
  return rotation.followUps.some(
    ({ type, status, at, itemIds: asked }) =>
      type === 'extension' &&
      (status === 'requested' || status === 'done') &&
      at?.getTime() === until.getTime() &&
      itemIds.every((id) => asked.includes(id)),
  )
}

async function extend(c: WebContext, ref: string): Promise<Response> {
  const actor = actorFor(c, 'rotations.followUp')
  const { values, typed, problems } = await readForm(c, wish)
  const again = (problems: Problems) => ask(c, ref, { problems, until: typed.overlapEndsAt })
  if (problems !== null) return again(problems)
  const { item: itemIds, overlapEndsAt, code } = values
  if (wasAsked(await rotationOf(c, ref), overlapEndsAt, itemIds)) return c.redirect(`/rotations/${ref}`, 303)
  return orAskAgain(async () => {
    await confirmWithCode(c, code)
    await extendOverlap(c.get('desk').db, actor, ref, { overlapEndsAt, itemIds })
    return c.redirect(`/rotations/${ref}`, 303)
  }, again)
}

export function addExtension(app: App): void {
  app.get('/rotations/:ref/extension', (c) => ask(c, c.req.param('ref')))
  app.post('/rotations/:ref/extension', (c) => extend(c, c.req.param('ref')))
}
