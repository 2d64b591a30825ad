import { z } from 'zod'
import { findDependants } from '../../../database/dependants/dependants.ts'
import type { KeyView, ServiceView } from '../../../database/keys/services.ts'
import { findAccountChanges } from '../../../database/people/owners.ts'
import { findPolicies } from '../../../database/policy.ts'
import { findOwnerChange } from '../../../database/rotations/decision-facts.ts'
import { rollKey } from '../../../desk/roll.ts'
import { ownerChangedLately } from '../../../rules/rotations/approvals.ts'
import { KIND_WORDS } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { longestOf, ROLL_CHOICES, rollField } from '../../forms/overlap.ts'
import { shownFates } from '../../shown/dependants.ts'
import { stoppingVersions } from '../../shown/keys/stopping.ts'
import { showPage } from '../../shown/page.ts'
import { shownTime } from '../../shown/times.ts'
import { heldUntil } from '../filing/side.ts'
import { keyOf } from '../keys/key.ts'

const wish = z.object({
  overlap: rollField,
  sure: z.literal('yes', 'Tick the box if you are sure: the old key stops for good.'),
  draft: z.string(),
  code: z.string().optional(),
})

/** Why the key can't be rolled right now, with the next best step; null when it can. */
function blocked(key: KeyView, service: ServiceView): { text: string; href: string; label: string } | null {
  if (key.rotationRef !== null) {
    const href = `/rotations/${key.rotationRef}`
    return { text: `The key is being replaced in ${key.rotationRef} already.`, href, label: 'Follow that rotation' }
  }
  if (!service.selfService) {
    const text = 'This service has no self-service: an agent of the desk approves new keys.'
    return { text, href: `/rotations/new?key=${key.id}`, label: 'Request a rotation' }
  }
  if (key.enabled) return null
  return { text: 'The key is disabled. Enable it first.', href: `/keys/${key.id}`, label: 'See the key' }
}

async function findHold(c: WebContext) {
  const { actor, timeZone } = bearerOf(c)
  const hold = heldUntil(await findAccountChanges(c.get('desk').db, actor.personId), new Date())
  if (hold === null) return null
  return { changedAt: shownTime(hold.changedAt, timeZone), until: shownTime(hold.until, timeZone) }
}

async function ask(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const { key, service } = await keyOf(c, 'keys.roll')
  const { db } = c.get('desk')
  const hold = await findHold(c)
  const policies = await findPolicies(db, [service.id])
  const longest = policies.get(service.id)?.longestOverlapSeconds ?? 0
  const offered = ROLL_CHOICES.filter(({ value }) => longestOf(value) <= longest)
  const dependants = await findDependants(db, [key.id])
  // What must hold the very key needs time to be given the new one.
  const suggested = dependants.some(({ exactKey }) => exactKey) ? offered.at(-1)?.value : 'pickup'
  const chosen = again?.values.overlap ?? suggested
  const changedAt = await findOwnerChange(db, service.organisationId)
  return showPage(c, 'roll', {
    title: `Roll ${key.name}`,
    key: { id: key.id, name: key.name, kindWord: KIND_WORDS[key.kind] },
    service: { name: service.name, live: service.environment === 'live' },
    blocked: blocked(key, service),
    hold,
    agentsDecide: hold === null && ownerChangedLately(changedAt, new Date()),
    versions: stoppingVersions(key, bearerOf(c).timeZone),
    fates: shownFates(dependants, [{ id: key.id }], 'rotate'),
    choices: offered.map(({ value, label, hint = null }, i) => ({
      inputId: i === 0 ? 'overlap' : `overlap-${value}`,
      value,
      label,
      hint,
      chosen: value === chosen,
    })),
    sure: again?.values.sure === 'yes',
    draft: newDraft(),
    askCode: await needsCode(c),
    ...(again === undefined ? {} : { problems: again.problems }),
  })
}

async function roll(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'keys.roll')
  const { key } = await keyOf(c, 'keys.roll')
  const { values, typed, problems } = await readForm(c, wish)
  const again = (problems: Problems) => ask(c, { values: typed, problems })
  if (problems !== null) return again(problems)
  const { db } = c.get('desk')
  const run = async () => {
    await confirmWithCode(c, values.code)
    const { ref } = await rollKey(db, actor, key.id, values.overlap)
    return c.redirect(`/rotations/${ref}`, 303)
  }
  // Sent twice, it is being rolled already.
  const done = async () => {
    const { key: now } = await keyOf(c, 'keys.roll')
    return c.redirect(now.rotationRef === null ? `/keys/${key.id}` : `/rotations/${now.rotationRef}`, 303)
  }
  const fields = { COOLDOWN_TOO_LONG: 'overlap', EXPIRES_IN_OVERLAP: 'overlap', OVERLAP_TOO_LONG: 'overlap' } as const
  return orAskAgain(() => oncePerDraft(c, values.draft, run, done), again, fields)
}

/** Where an owner rolls one key of a self-service: when the old one dies, a warning and a tick, and a code. */
export function addRoll(app: App): void {
  app.get('/keys/:id/roll', (c) => ask(c))
  app.post('/keys/:id/roll', roll)
}
