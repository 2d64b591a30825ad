import { z } from 'zod'
import { reissueVersion } from '../../../desk/reissue/reissue.ts'
import { type App, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { showPage } from '../../shown/page.ts'
import { shownTimeOrNull } from '../../shown/times.ts'
import { versionFacts, versionOf } from './version.ts'

const wish = z.object({
  draft: z.string(),
  lost: z.literal('yes', 'Say that the key is lost.'),
  code: z.string().optional(),
})

async function ask(c: WebContext, problems?: Problems): Promise<Response> {
  const found = await versionOf(c, 'versions.reissue')
  const { version, key } = found
  const old = version.madeIn === null ? undefined : key.versions.find((each) => each.accepted && each.id !== version.id)
  return showPage(c, 'reissue', {
    title: 'Make a lost key anew',
    ...versionFacts(c, found),
    old: old === undefined ? null : { last4: old.last4 },
    oldStopsAt: shownTimeOrNull(old?.acceptedUntil ?? null, bearerOf(c).timeZone),
    draft: newDraft(),
    askCode: await needsCode(c),
    ...(problems === undefined ? {} : { problems }),
  })
}

async function reissue(c: WebContext): Promise<Response> {
  const { actor, version, key, service } = await versionOf(c, 'versions.reissue')
  const { values, problems } = await readForm(c, wish)
  if (problems !== null) return ask(c, problems)
  const { db, maker } = c.get('desk')
  const page = version.madeIn === null ? `/services/${service.id}` : `/rotations/${version.madeIn}`
  const done = async () => c.redirect(`${page}/new-keys`, 303)
  const again = async () => c.redirect(`/keys/${key.id}`, 303)
  const run = () =>
    oncePerDraft(
      c,
      values.draft,
      async () => {
        await confirmWithCode(c, values.code)
        await reissueVersion(db, maker, actor, version.id)
        return done()
      },
      again,
    )
  return orAskAgain(run, (wrong) => ask(c, wrong), { ON_HOLD: '', ILLEGAL_MOVE: '', COOLDOWN_TOO_LONG: '' })
}

/** The page before a lost key is made anew, with what stops and what goes on. */
export function addReissue(app: App): void {
  app.get('/versions/:id/reissue', (c) => ask(c))
  app.post('/versions/:id/reissue', reissue)
}
