import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { countWaitingLetters } from '../../database/letters/queue.ts'
import { findOrganisationsWithoutOwner } from '../../database/people/memberships.ts'
import { findMemberships } from '../../database/people/people.ts'
import { countOpenRecoveryCases } from '../../database/people/recovery-cases.ts'
import { findShortcuts } from '../../database/people/shortcuts.ts'
import { countLateItems } from '../../database/rotations/items.ts'
import type { Bearer } from '../../identity/sign-in/bearers.ts'
import { type Role, roleMay } from '../../rules/permissions.ts'
import { shortId } from '../../rules/text/foreign-text.ts'
import { count, ROLE_WORDS } from '../../rules/text/words.ts'
import type { WebContext } from '../context.ts'
import type { Problems, Typed } from '../forms/form.ts'

type PageFacts = { title: string; problems?: Problems; values?: Typed; [name: string]: unknown }

const BUTTONS: readonly (readonly [href: string, label: string, roles: (role: Role) => boolean])[] = [
  ['/rotations', 'Rotations', (role) => !roleMay(role, 'rotations.decide')],
  ['/queue', 'Queue', (role) => roleMay(role, 'rotations.decide')],
  ['/reports', 'Reports', (role) => roleMay(role, 'reports.view')],
  ['/services', 'Services and keys', () => true],
  ['/organisations', 'Organisations', (role) => roleMay(role, 'organisations.view')],
  ['/people', 'People', (role) => roleMay(role, 'members.manage') && !roleMay(role, 'rotations.decide')],
  ['/webhooks', 'Webhooks', (role) => roleMay(role, 'webhooks.manage') && !roleMay(role, 'rotations.decide')],
  ['/audit', 'Audit trail', () => true],
  ['/desk', 'Desk', (role) => roleMay(role, 'rotations.decide')],
  ['/account', 'Your account', () => true],
]

function navigation(role: Role, path: string): { href: string; label: string; current: boolean }[] {
  // a key's page belongs to the panel of keys
  const at = path.startsWith('/keys/') ? '/services/' : path
  return BUTTONS.filter(([, , mayUse]) => mayUse(role)).map(([href, label]) => ({
    href,
    label,
    current: at === href || at.startsWith(`${href}/`),
  }))
}

export type ShownOrganisation = { name: string; shortId: string }

export function shownOrganisation(id: string, name: string): ShownOrganisation {
  return { name, shortId: shortId(id) }
}

/** Without a mail server letters wait, and the staff have to know: customers hear nothing meanwhile. */
async function findWaitingLetters(c: WebContext, role: Role): Promise<string | null> {
  const { config, db } = c.get('desk')
  if (config.smtpUrl !== undefined || !roleMay(role, 'rotations.decide')) return null
  const waiting = await countWaitingLetters(db)
  return waiting === 0 ? null : count(waiting, 'letter')
}

/** While no worker gets to its work, the staff have to know, wherever they are. */
async function findLateKeys(c: WebContext, role: Role): Promise<string | null> {
  if (!roleMay(role, 'rotations.decide')) return null
  const late = await countLateItems(c.get('desk').db)
  return late === 0 ? null : count(late, 'key')
}

const OWNERLESS_AT_ONCE = 5

/** On the pages where the staff begin: what nobody of a customer's can mend by themselves. */
async function findTroubledPeople(c: WebContext, role: Role) {
  const begins = c.req.path === '/queue' || c.req.path === '/desk'
  if (!begins || !roleMay(role, 'recovery.manage')) return { ownerless: [], recoveryCases: null }
  const { db } = c.get('desk')
  const ownerless = await findOrganisationsWithoutOwner(db, OWNERLESS_AT_ONCE)
  const cases = await countOpenRecoveryCases(db)
  return {
    ownerless: ownerless.map(({ id, name }) => ({ ...shownOrganisation(id, name), href: `/organisations/${id}` })),
    recoveryCases: cases === 0 ? null : `${count(cases, 'recovery case')} ${cases === 1 ? 'is' : 'are'}`,
  }
}

async function findViewer(c: WebContext, { actor, timeZone }: Bearer) {
  const memberships = await findMemberships(c.get('desk').db, actor.personId)
  const own = memberships.find((membership) => membership.organisationId === actor.organisationId)
  const staff = roleMay(actor.role, 'rotations.decide')
  const places = memberships.length + (actor.organisationId === null ? 1 : 0)
  return {
    name: actor.name,
    roleWord: ROLE_WORDS[actor.role],
    organisation: own === undefined ? null : shownOrganisation(own.organisationId, own.organisation),
    severalPlaces: places > 1,
    timeZone,
    staff,
    shortcuts: staff && (await findShortcuts(c.get('desk').db, actor.personId)),
    waitingLetters: await findWaitingLetters(c, actor.role),
    lateKeys: await findLateKeys(c, actor.role),
    ...(await findTroubledPeople(c, actor.role)),
  }
}

/** The links of the error summary: a problem's field is where the person can mend it. */
function summary(problems: Problems): { href: string | null; message: string }[] {
  const seen = new Set<string>()
  return Object.entries(problems)
    .filter(([, message]) => !seen.has(message) && seen.add(message))
    .map(([field, message]) => ({ href: field === '' ? null : `#${field}`, message }))
}

function layoutFacts(facts: PageFacts) {
  const problems = facts.problems ?? {}
  return { values: {}, ...facts, problems, errors: summary(problems) }
}

/** Renders a page within the frame of whoever looks. With problems it answers 422, which no browser takes for done. */
export async function showPage(
  c: WebContext,
  name: string,
  facts: PageFacts,
  status: ContentfulStatusCode = facts.problems === undefined ? 200 : 422,
): Promise<Response> {
  const bearer = c.get('bearer')
  const viewer = bearer?.complete ? await findViewer(c, bearer) : null
  const links = bearer?.complete ? navigation(bearer.actor.role, c.req.path) : []
  const formToken = bearer?.formToken ?? ''
  return c.html(c.get('views').render(name, { viewer, navigation: links, formToken, ...layoutFacts(facts) }), status)
}

/** The same without asking the database who looks, for when it can't be reached. */
export function showPlainPage(c: WebContext, name: string, facts: PageFacts, status: ContentfulStatusCode): Response {
  return c.html(
    c.get('views').render(name, { viewer: null, navigation: [], formToken: '', ...layoutFacts(facts) }),
    status,
  )
}
