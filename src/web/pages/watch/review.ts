import { z } from 'zod'
import {
  findReview,
  findReviewedKeys,
  findReviews,
  findReviewTimes,
  type ReviewTimes,
} from '../../../database/watch/reviews.ts'
import { reviewPermissions } from '../../../keyring/watch/review.ts'
import { PERMISSIONS } from '../../../rules/keys/verdict.ts'
import { roleMay } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import type { ReviewChange } from '../../../rules/watch/review.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { confirmWithCode, needsCode } from '../../forms/confirmed.ts'
import { orAskAgain, type Problems, readForm, type Typed } from '../../forms/form.ts'
import { newDraft, oncePerDraft } from '../../forms/once.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { shownTime, shownTimeOrNull } from '../../shown/times.ts'
import { decisionField, reviewedKeyFacts, reviewInFull, reviewRow } from '../../shown/watch/review.ts'
import { exportReview } from './review-export.ts'

const REVIEWS_AT_ONCE = 25

function timesFacts({ id, name, lastReviewAt, dueAt }: ReviewTimes, timeZone: string) {
  return {
    href: `/permission-review?organisation=${id}`,
    organisation: shownOrganisation(id, name),
    lastReviewAt: shownTimeOrNull(lastReviewAt, timeZone),
    dueAt: shownTime(dueAt, timeZone),
    overdue: dueAt <= new Date(),
  }
}

async function showOrganisations(c: WebContext): Promise<Response> {
  const { timeZone } = bearerOf(c)
  const times = await findReviewTimes(c.get('desk').db, null)
  return showPage(c, 'permission-reviews', {
    title: 'Reviews of permissions',
    organisations: times.map((each) => timesFacts(each, timeZone)),
  })
}

type Again = { values: Typed; problems: Problems }

async function showReview(c: WebContext, organisationId: string, again?: Again): Promise<Response> {
  const { role } = actorFor(c, 'reviews.view')
  const { timeZone } = bearerOf(c)
  const { db } = c.get('desk')
  const [times] = await findReviewTimes(db, organisationId)
  if (times === undefined) throw new Refusal('NOT_FOUND')
  const keys = await findReviewedKeys(db, organisationId)
  const history = await findReviews(db, { organisationId }, { limit: REVIEWS_AT_ONCE, cursor: c.req.query('after') })
  const exported = `/permission-review/export?organisation=${organisationId}`
  return showPage(c, 'permission-review', {
    title: 'Review what keys may do',
    ...timesFacts(times, timeZone),
    ofStaff: roleMay(role, 'organisations.view'),
    mayCarryOut: roleMay(role, 'reviews.carryOut'),
    done: c.req.query('done') !== undefined,
    keys: keys.map((key) => reviewedKeyFacts(key, again?.values ?? {}, new Date(), timeZone)),
    history: history.items.map((review) => reviewRow(review, timeZone)),
    nextHref:
      history.nextCursor === null
        ? null
        : `/permission-review?organisation=${organisationId}&after=${encodeURIComponent(history.nextCursor)}`,
    csvHref: `${exported}&format=csv`,
    jsonHref: `${exported}&format=json`,
    draft: newDraft(),
    askCode: await needsCode(c),
    ...again,
  })
}

async function show(c: WebContext): Promise<Response> {
  const { organisationId } = actorFor(c, 'reviews.view')
  const asked = c.req.query('organisation')
  if (organisationId === null) return asked === undefined ? showOrganisations(c) : showReview(c, asked)
  if (asked !== undefined && asked !== organisationId) throw new Refusal('NOT_FOUND')
  return showReview(c, organisationId)
}

const form = z.object({ draft: z.string(), code: z.string().optional() })

/** What was decided, key by key; what a form of ours can't have sent changes nothing. */
function changesOf(typed: Typed): ReviewChange[] {
  return Object.entries(typed).flatMap(([name, value]): ReviewChange[] => {
    const keyId = name.startsWith(decisionField('')) ? name.slice(decisionField('').length) : null
    const permission = PERMISSIONS.find((each) => each === value)
    if (keyId === null) return []
    if (value === 'disable') return [{ keyId, do: 'disable' }]
    return permission === undefined ? [] : [{ keyId, do: 'lower', permission }]
  })
}

async function carryOut(c: WebContext): Promise<Response> {
  const actor = actorFor(c, 'reviews.carryOut')
  const { values, typed, problems } = await readForm(c, form)
  const again = (problems: Problems) => showReview(c, actor.organisationId ?? '', { values: typed, problems })
  if (problems !== null) return again(problems)
  const done = async () => c.redirect('/permission-review?done', 303)
  const run = async () => {
    await confirmWithCode(c, values.code)
    await reviewPermissions(c.get('desk').db, actor, { changes: changesOf(typed) })
    return done()
  }
  return orAskAgain(() => oncePerDraft(c, values.draft, run, done), again)
}

async function showOne(c: WebContext, id: string): Promise<Response> {
  const { organisationId } = actorFor(c, 'reviews.view')
  const review = await findReview(c.get('desk').db, { organisationId }, id)
  if (review === undefined) throw new Refusal('NOT_FOUND')
  return showPage(c, 'permission-review-done', {
    title: 'A review of permissions',
    organisation: shownOrganisation(review.organisationId, review.organisationName),
    ofStaff: organisationId === null,
    backHref: `/permission-review?organisation=${review.organisationId}`,
    review: reviewInFull(review, bearerOf(c).timeZone),
  })
}

/** What the keys of an organisation may do, held against what they did; its owners lower or disable, the staff look on. */
export function addReview(app: App): void {
  app.get('/permission-review', show)
  app.post('/permission-review', carryOut)
  app.get('/permission-review/export', exportReview)
  app.get('/permission-review/:id{rev_[0-9a-z]+}', (c) => showOne(c, c.req.param('id')))
}
