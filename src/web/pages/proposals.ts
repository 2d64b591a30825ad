import { findProposals, type ProposalView } from '../../database/proposals/find.ts'
import { dismissProposal } from '../../desk/proposals/proposals.ts'
import { roleMay } from '../../rules/permissions.ts'
import type { ProposalCause } from '../../rules/proposals.ts'
import { count, joinWords, keyInService } from '../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../context.ts'
import { shownTime } from '../shown/times.ts'

const CAUSE_WORDS = {
  password_changed: 'changed their password',
  member_removed: 'is no member any more',
  role_changed: 'may not pick up keys any more',
  account_disabled: 'has a disabled account now',
} as const satisfies Record<ProposalCause, string>

/** Keys that are named before the rest is counted. */
const MOST_NAMED = 4

function shown({ id, person, cause, at, keys }: ProposalView, timeZone: string, mayFile: boolean) {
  const rest = keys.length - MOST_NAMED
  const named = keys.slice(0, MOST_NAMED).map(keyInService)
  return {
    who: person.name,
    why: CAUSE_WORDS[cause],
    at: shownTime(at, timeZone),
    keys: joinWords(rest > 0 ? [...named, `${count(rest, 'other')}`] : named),
    keyCount: count(keys.length, 'key'),
    fileHref: mayFile ? `/rotations/new?proposal=${id}` : null,
    dismissAction: `/proposals/${id}/dismissal`,
  }
}

/** What the desk proposes to the organisation of whoever looks. */
export async function shownProposals(c: WebContext) {
  const actor = actorFor(c, 'rotations.view')
  const proposals = await findProposals(c.get('desk').db, actor)
  const mayFile = roleMay(actor.role, 'rotations.submit')
  return proposals.map((proposal) => shown(proposal, bearerOf(c).timeZone, mayFile))
}

export function addProposals(app: App): void {
  app.post('/proposals/:id/dismissal', async (c) => {
    await dismissProposal(c.get('desk').db, actorFor(c, 'rotations.submit'), c.req.param('id'))
    return c.redirect('/rotations', 303)
  })
}
