import { z } from 'zod'
import { acknowledgeVersion, fetchSealed } from '../../../keyring/delivery/sealed.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { shownTimeOrNull } from '../../shown/times.ts'
import { versionFacts, versionOf } from './version.ts'

async function show(c: WebContext, problems?: Problems): Promise<Response> {
  const found = await versionOf(c, 'versions.fetchSealed')
  const { version } = found
  const over = version.ageRecipient !== null && !version.ageFile && version.acknowledgedAt === null
  return showPage(c, 'sealed-key', {
    title: 'A new key as an age file',
    ...versionFacts(c, found),
    waits: version.ageFile,
    over,
    notSealed: version.ageRecipient === null,
    fileName: `${version.id}.age`,
    acknowledgedAt: shownTimeOrNull(version.acknowledgedAt, bearerOf(c).timeZone),
    acknowledgedBy: version.acknowledgedBy,
    ...(problems === undefined ? {} : { problems }),
  })
}

/** The file is the answer to a form, since fetching it is recorded and told. */
async function fetchFile(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'versions.fetchSealed')
  const id = c.req.param('id') ?? ''
  return orAskAgain(
    async () => {
      const file = await fetchSealed(c.get('desk').db, actor, id)
      const disposition = `attachment; filename="${id}.age"`
      return c.body(new Uint8Array(file), 200, {
        'content-type': 'application/octet-stream',
        'content-disposition': disposition,
      })
    },
    (problems) => show(c, problems),
    { NOT_SEALED: '', ILLEGAL_MOVE: '' },
  )
}

const stored = z.object({ stored: z.literal('yes', 'Open the file and store the key first, then say that you did.') })

async function acknowledge(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'versions.fetchSealed')
  const id = c.req.param('id') ?? ''
  const { problems } = await readForm(c, stored)
  if (problems !== null) return show(c, problems)
  const run = async () => {
    await acknowledgeVersion(c.get('desk').db, actor, id)
    return c.redirect(`/versions/${id}/sealed`, 303)
  }
  return orAskAgain(run, (wrong) => show(c, wrong), { ON_HOLD: '', ILLEGAL_MOVE: '', NOT_SEALED: '' })
}

/** Where a new key is fetched as an age file, and its receipt after that. */
export function addSealedKey(app: App): void {
  app.get('/versions/:id/sealed', (c) => show(c))
  app.post('/versions/:id/sealed', fetchFile)
  app.post('/versions/:id/acknowledgement', acknowledge)
}
