import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { findHealth } from '../../../database/health.ts'
import { findTroubledLetters } from '../../../database/letters/troubled.ts'
import { isMigrated } from '../../../database/migrate.ts'
import { sendAgain } from '../../../desk/mail/send-again.ts'
import { count } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { readForm } from '../../forms/form.ts'
import { checksOf, shownTroubled } from '../../shown/health.ts'
import { showPage } from '../../shown/page.ts'
import { shownTime } from '../../shown/times.ts'

const SHOWN_LETTERS = 50

const manifest = z.object({ version: z.string() })
const MANIFEST = join(import.meta.dirname, '../../../../package.json')
const { version } = manifest.parse(JSON.parse(readFileSync(MANIFEST, 'utf8')))

/** What "Try again" did, from the address that it led to. */
function putBackWords(again: string | undefined): string | null {
  const number = Number(again)
  return Number.isInteger(number) && number > 0 ? `${count(number, 'letter')} put back, to be tried again now.` : null
}

async function show(c: WebContext): Promise<Response> {
  actorFor(c, 'health.view')
  const { db, config } = c.get('desk')
  const { timeZone } = bearerOf(c)
  const health = await findHealth(db)
  const letters = await findTroubledLetters(db, SHOWN_LETTERS)
  const facts = { mailIsSet: config.smtpUrl !== undefined, migrated: await isMigrated(db), version }
  const checks = checksOf({ health, timeZone }, facts)
  return showPage(c, 'health', {
    title: 'Health',
    at: shownTime(health.now, timeZone),
    allGood: checks.every((check) => check.good) && health.lettersGivenUp === 0,
    checks,
    letters: letters.map((letter) => shownTroubled(letter, timeZone)),
    givenUp: health.lettersGivenUp,
    several: health.lettersGivenUp > 1,
    putBack: putBackWords(c.req.query('again')),
  })
}

async function tryAgain(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'health.view')
  const { values } = await readForm(c, z.object({ letter: z.string().max(64).optional() }))
  const again = await sendAgain(c.get('desk').db, actor, values?.letter)
  return c.redirect(`/desk/health?again=${again}`, 303)
}

/** How the desk itself is, for administrators. */
export function addHealth(app: App): void {
  app.get('/desk/health', show)
  app.post('/desk/health/letters', tryAgain)
}
