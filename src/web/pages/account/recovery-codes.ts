import { z } from 'zod'
import { countRecoveryCodes } from '../../../database/people/proofs.ts'
import { makeRecoveryCodes } from '../../../identity/account/recovery-codes.ts'
import { count } from '../../../rules/text/words.ts'
import { type App, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { showPage } from '../../shown/page.ts'

const wish = z.object({ draft: z.string(), code: z.string().optional() })

async function ask(c: WebContext, problems?: Problems): Promise<Response> {
  const left = await countRecoveryCodes(c.get('desk').db, bearerOf(c).actor.personId)
  return showPage(c, 'recovery-codes', {
    title: 'Recovery codes',
    left: left === 0 ? null : count(left, 'code'),
    draft: newDraft(),
    askCode: await needsCode(c),
    ...(problems === undefined ? {} : { problems }),
  })
}

async function make(c: WebContext): Promise<Response> {
  const bearer = bearerOf(c)
  const { values, problems } = await readForm(c, wish)
  if (problems !== null) return ask(c, problems)
  const run = async () => {
    await confirmWithCode(c, values.code)
    const codes = await makeRecoveryCodes(c.get('desk').db, bearer)
    c.header('cache-control', 'no-store')
    return showPage(c, 'new-recovery-codes', { title: 'Store your recovery codes', codes })
  }
  return orAskAgain(
    () => oncePerDraft(c, values.draft, run, async () => c.redirect('/account/security', 303)),
    (problems) => ask(c, problems),
  )
}

/** Ten codes on paper, for the day the code device is lost; shown once. */
export function addRecoveryCodes(app: App): void {
  app.get('/account/recovery-codes', (c) => ask(c))
  app.post('/account/recovery-codes', make)
}
