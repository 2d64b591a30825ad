import { z } from 'zod'
import { findOrganisation, findOrganisations } from '../../../database/people/organisations.ts'
import { createOrganisation } from '../../../identity/members/organisations.ts'
import { roleMay } from '../../../rules/permissions.ts'
import { shortId } from '../../../rules/text/foreign-text.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { showPage } from '../../shown/page.ts'
import { shownTime } from '../../shown/times.ts'

const AT_ONCE = 25
const newOrganisation = z.object({
  draft: z.string(),
  name: z.string().trim().min(1, 'Enter the name of the organisation.'),
  ownerName: z.string().trim().min(1, 'Enter the name of the first owner.'),
  ownerEmail: z.string().trim().min(1, 'Enter the email address of the first owner.'),
  code: z.string().optional(),
})

/** What the page says after one was created; the address names it, the text is ours. */
async function findCreated(c: WebContext): Promise<string | null> {
  const id = c.req.query('created')
  const organisation = id === undefined ? undefined : await findOrganisation(c.get('desk').db, id)
  return organisation === undefined ? null : organisation.name
}

async function show(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const { role } = actorFor(c, 'organisations.view')
  const { timeZone } = bearerOf(c)
  const rows = await findOrganisations(c.get('desk').db, { limit: AT_ONCE + 1, before: c.req.query('before') ?? null })
  const shown = rows.slice(0, AT_ONCE)
  const last = rows.length > AT_ONCE ? shown.at(-1) : undefined
  return showPage(c, 'organisations', {
    title: 'Organisations',
    manages: roleMay(role, 'organisations.manage'),
    organisations: shown.map(({ id, name, serviceCount, memberCount, createdAt }) => ({
      name,
      shortId: shortId(id),
      serviceCount: String(serviceCount ?? 0),
      memberCount: String(memberCount ?? 0),
      createdAt: shownTime(createdAt, timeZone),
      href: `/organisations/${id}`,
      addServiceHref: `/services/new?organisation=${id}`,
    })),
    created: await findCreated(c),
    nextHref: last === undefined ? null : `/organisations?before=${last.id}`,
    draft: newDraft(),
    askCode: await needsCode(c),
    ...again,
  })
}

async function create(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'organisations.manage')
  const { values, typed, problems } = await readForm(c, newOrganisation)
  if (problems !== null) return show(c, { values: typed, problems })
  const { name, ownerName, ownerEmail, draft } = values
  const run = async () => {
    await confirmWithCode(c, values.code)
    const owner = { name: ownerName, email: ownerEmail }
    const { id } = await createOrganisation(c.get('desk').db, actor, { name, owner })
    return c.redirect(`/organisations?created=${id}`, 303)
  }
  return orAskAgain(
    () => oncePerDraft(c, draft, run, async () => c.redirect('/organisations', 303)),
    (problems) => show(c, { values: typed, problems }),
  )
}

export function addOrganisations(app: App): void {
  app.get('/organisations', (c) => show(c))
  app.post('/organisations', create)
}
