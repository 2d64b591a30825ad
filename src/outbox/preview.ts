import type { Db } from '../database/connect.ts'
import { clock } from '../database/connect.ts'
import { spendPoint } from '../database/limits.ts'
import { type PersonActor, requireRole } from '../rules/permissions.ts'
import { Refusal } from '../rules/refusals.ts'
import type { LetterContent } from './kinds/content.ts'
import { LETTER_KINDS, type LetterKind } from './kinds/names.ts'
import { putLetter } from './letters.ts'
import { type RenderedLetter, renderLetter } from './render.ts'
import { SAMPLES } from './samples/samples.ts'
import type { Letterhead } from './view.ts'

const TESTS_PER_HOUR = 30

export { LETTER_KINDS, type LetterKind }

/** The kind that an address names. Refuses NOT_FOUND. */
export function letterKind(text: string): LetterKind {
  const kind = LETTER_KINDS.find((known) => known === text)
  if (kind === undefined) throw new Refusal('NOT_FOUND')
  return kind
}

function sampleOf(kind: LetterKind, changes: { path: string; timeZone: string; why: string }): LetterContent {
  const sample = SAMPLES.find((letter) => letter.kind === kind)
  if (sample === undefined) throw new Error(`there is no sample of ${kind}`)
  const copy = structuredClone(sample)
  Object.assign(copy.facts, changes, { test: true })
  return copy
}

type Looker = { name: string; timeZone: string }

/** A letter of the kind as it would be sent to whoever looks, with made-up facts, and marked as a test. */
export function previewLetter(kind: LetterKind, looker: Looker, letterhead: Letterhead): RenderedLetter {
  return renderLetter(sampleOf(kind, factsFor(kind, looker.timeZone)), looker.name, letterhead)
}

/** Its link leads to the preview: what it tells of isn't there. */
function factsFor(kind: LetterKind, timeZone: string) {
  return { path: `/desk/letters/${kind}`, timeZone, why: 'an administrator asked for a test of it' }
}

/**
 * Sends a letter of the kind with made-up facts, marked as a test, to the actor's own address and nobody else's; once per draft.
 * Refuses NOT_ALLOWED and, after many in an hour, TOO_MANY_REQUESTS.
 */
export async function sendTestLetter(db: Db, actor: PersonActor, kind: LetterKind, draft: string): Promise<void> {
  requireRole(actor, 'letters.preview')
  await spendPoint(db, { name: 'test-letter', points: TESTS_PER_HOUR, seconds: 3_600 }, actor.personId)
  await db.transaction().execute(async (trx) => {
    const person = await trx
      .selectFrom('person')
      .select(['id', 'name', 'email', 'timeZone'])
      .where('id', '=', actor.personId)
      .executeTakeFirstOrThrow()
    const at = await clock(trx)
    const content = sampleOf(kind, factsFor(kind, person.timeZone))
    const to = { name: person.name, address: person.email }
    await putLetter(trx, { ...content, naturalKey: `test/${person.id}/${draft}`, to, thread: null, at })
  })
}
