import { z } from 'zod'
import { MAX_UNATTENDED_DAYS, type NewPersonalToken } from '../../../identity/tokens/new-token.ts'
import { createPersonalToken } from '../../../identity/tokens/tokens.ts'
import { scopesOf } from '../../../rules/permissions.ts'
import { DAY_SECONDS } from '../../../rules/rotations/overlap.ts'
import { SCOPE_WORDS, UNATTENDED_SCOPES } from '../../../rules/token-scopes.ts'
import { type App, actorFor, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed, textsOf } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { showMadeToken } from '../../shown/made-token.ts'
import { showPage } from '../../shown/page.ts'

const LIFETIMES = [7, 30, MAX_UNATTENDED_DAYS, 365] as const
/** An end on the last day would be a moment too far ahead by the time it is written. */
const MARGIN_MILLISECONDS = 60_000
const wish = z.object({
  draft: z.string(),
  name: z.string().trim().min(1, 'Enter a name.').max(100, 'Use at most 100 characters.'),
  reach: z.enum(['all', 'some'], 'Choose what the token may do.'),
  days: z.coerce.number().pipe(z.union(LIFETIMES.map((days) => z.literal(days)))),
  unattended: z.string().optional(),
  ipRanges: z.string().default(''),
  code: z.string().optional(),
})
type Wish = z.infer<typeof wish>

async function ask(c: WebContext, again?: { values: Typed; problems: Problems }): Promise<Response> {
  const { role } = actorFor(c, 'tokens.manage')
  const ticked = again === undefined ? [] : await textsOf(c, 'scopes')
  const days = again?.values.days ?? '90'
  return showPage(c, 'new-token', {
    title: 'Make a token',
    scopes: scopesOf(role).map((scope, i) => ({
      value: scope,
      inputId: i === 0 ? 'scopes' : `scopes-${i}`,
      words: SCOPE_WORDS[scope],
      chosen: ticked.includes(scope),
    })),
    all: again?.values.reach === 'all',
    some: again?.values.reach === 'some',
    mayBeUnattended: role === 'owner',
    unattended: again?.values.unattended === 'yes',
    unattendedScopes: UNATTENDED_SCOPES.join(', '),
    lifetimes: LIFETIMES.map((lifetime) => ({
      value: String(lifetime),
      label: lifetime === 365 ? '1 year' : `${lifetime} days`,
      chosen: String(lifetime) === days,
    })),
    draft: newDraft(),
    askCode: await needsCode(c),
    ...again,
  })
}

function asked({ name, days, reach, unattended, ipRanges }: Wish, ticked: readonly string[]): NewPersonalToken {
  return {
    name,
    expiresAt: new Date(Date.now() + days * DAY_SECONDS * 1000 - MARGIN_MILLISECONDS),
    scopes: reach === 'all' ? [] : ticked,
    unattended: unattended === 'yes',
    ipRanges: ipRanges.split(/[\s,]+/).filter((range) => range !== ''),
  }
}

async function make(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'tokens.manage')
  const { values, typed, problems } = await readForm(c, wish)
  const again = (problems: Problems) => ask(c, { values: typed, problems })
  if (problems !== null) return again(problems)
  const ticked = await textsOf(c, 'scopes')
  // No scope would mean every one.
  if (values.reach === 'some' && ticked.length === 0) return again({ scopes: 'Tick what the token may do.' })
  const run = async () => {
    await confirmWithCode(c, values.code)
    const { token } = await createPersonalToken(c.get('desk').db, actor, asked(values, ticked))
    return showMadeToken(c, {
      title: 'Store your token',
      heading: 'Your token is ready',
      name: values.name,
      token,
      usage: 'Send it with each call as “Authorization: Bearer” and the token.',
      backHref: '/tokens',
    })
  }
  return orAskAgain(
    () => oncePerDraft(c, values.draft, run, async () => c.redirect('/tokens', 303)),
    (problems) => {
      const { expiresAt, ...others } = problems
      return again(expiresAt === undefined ? others : { ...others, days: expiresAt })
    },
  )
}

/** Where a token is made: what it may do, for how long, from where, and whether without anybody at hand. */
export function addNewToken(app: App): void {
  app.get('/tokens/new', (c) => ask(c))
  app.post('/tokens', make)
}
