import { z } from 'zod'
import { findImports, type ImportView } from '../../../database/imports.ts'
import { receiveImport } from '../../../keyring/imports/receive.ts'
import { count } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { carryOutForAWhile, readImport } from '../../imports.ts'
import { showPage } from '../../shown/page.ts'
import { shownTime, shownTimeOrNull } from '../../shown/times.ts'

const AT_ONCE = 25

const STATUS_WORDS = {
  receiving: 'The file is coming in',
  running: 'Under way',
  finished: 'Finished',
  broken_off: 'Broken off',
} as const satisfies Record<ImportView['status'], string>

function shownImport(view: ImportView, timeZone: string) {
  const { added, known, refused, lines } = view
  return {
    ...view,
    href: `/desk/imports/${view.id}`,
    brokenLines: view.errors,
    by: view.by ?? 'the command line',
    statusWord: STATUS_WORDS[view.status],
    startedAt: shownTime(view.startedAt, timeZone),
    finishedAt: shownTimeOrNull(view.finishedAt, timeZone),
    done: added + known + refused,
    more: refused > view.errors.length ? count(refused - view.errors.length, 'more line') : null,
    lines: count(lines, 'line'),
    linesNumber: lines,
    running: view.status === 'running' || view.status === 'receiving',
    finished: view.status === 'finished',
    brokenOff: view.status === 'broken_off',
  }
}

async function show(c: WebContext, problems?: Problems): Promise<Response> {
  actorFor(c, 'imports.manage')
  const { timeZone } = bearerOf(c)
  const page = await findImports(c.get('desk').db, { cursor: c.req.query('after'), limit: AT_ONCE })
  return showPage(c, 'imports', {
    title: 'Import keys',
    imports: page.items.map((view) => shownImport(view, timeZone)),
    nextHref: page.nextCursor === null ? null : `/desk/imports?after=${encodeURIComponent(page.nextCursor)}`,
    draft: newDraft(),
    askCode: await needsCode(c),
    ...(problems === undefined ? {} : { problems }),
  })
}

async function showOne(c: WebContext, id: string): Promise<Response> {
  actorFor(c, 'imports.manage')
  const view = await readImport(c.get('desk').db, id)
  return showPage(c, 'import', { title: `Import of ${view.name}`, ...shownImport(view, bearerOf(c).timeZone) })
}

const upload = z.object({
  draft: z.string(),
  file: z
    .instanceof(File, { error: 'Choose a file.' })
    .refine((file) => file.size > 0, 'Choose a file that is not empty.'),
  dryRun: z.string().optional(),
  code: z.string().optional(),
})

async function add(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'imports.manage')
  const { values, problems } = await readForm(c, upload)
  if (problems !== null) return show(c, problems)
  const { db } = c.get('desk')
  const { draft, file, dryRun, code } = values
  const run = async () => {
    await confirmWithCode(c, code)
    const sent = { name: file.name, dryRun: dryRun !== undefined, stream: file.stream() }
    const { id } = await receiveImport(db, actor, sent)
    await carryOutForAWhile(db, id)
    return c.redirect(`/desk/imports/${id}`, 303)
  }
  return orAskAgain(
    () => oncePerDraft(c, draft, run, async () => c.redirect('/desk/imports', 303)),
    // whatever is wrong with the file is at the file
    (problems) => show(c, 'code' in problems ? problems : { file: Object.values(problems)[0] ?? '' }),
    { TOO_LARGE: 'file' },
  )
}

/** Existing keys of customers, brought in by their hashes. */
export function addImports(app: App): void {
  app.get('/desk/imports', (c) => show(c))
  app.post('/desk/imports', add)
  app.get('/desk/imports/:id{imp_[0-9a-z]+}', (c) => showOne(c, c.req.param('id')))
}
