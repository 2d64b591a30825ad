import { z } from 'zod'
import { findMemberships, findPerson } from '../../../database/people/people.ts'
import { chooseTopics } from '../../../identity/account/notifications.ts'
import { type Topic, topicsOf } from '../../../rules/letter-topics.ts'
import type { Role } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { type App, bearerOf, type WebContext } from '../../context.ts'
import { readForm, textsOf } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'

type Words = { label: string; hint: string; always?: string }

const WORDS: Readonly<Record<Topic, Words>> = {
  progress: {
    label: 'How rotations go on',
    hint: 'Requested, approved, rejected, new keys ready, old keys stopped, completed and the like.',
    always: 'Where you are an owner you still hear of requests, new keys, old keys that stop, more time and rollbacks.',
  },
  reminders: {
    label: 'Reminders',
    hint: 'Old keys that stop soon, and new keys that nobody has picked up.',
    always: 'Where you are an owner you are still reminded of old keys that stop.',
  },
  messages: { label: 'Questions and messages', hint: 'What is asked, answered and written about a rotation.' },
  decisions: {
    label: 'What waits for a decision',
    hint: 'Requests and follow-ups that you may decide, and those that expire soon.',
  },
  trouble: { label: 'Delays and failures', hint: 'Keys that could not be rotated, or not in time.' },
  digest: {
    label: 'One letter a day',
    hint: 'At 08:00 in your time zone, on all that waits for you; none when nothing does.',
  },
}

async function findReader(c: WebContext) {
  const { db } = c.get('desk')
  const person = await findPerson(db, bearerOf(c).actor.personId)
  if (person === undefined) throw new Refusal('NOT_FOUND')
  const memberships = await findMemberships(db, person.id)
  const roles: Role[] = memberships.map((membership) => membership.role)
  if (person.staffRole !== null) roles.push(person.staffRole)
  return { muted: person.mutedTopics, isOwner: roles.includes('owner'), topics: topicsOf(roles) }
}

async function show(c: WebContext): Promise<Response> {
  const { muted, isOwner, topics } = await findReader(c)
  return showPage(c, 'notifications', {
    title: 'Letters you get',
    saved: c.req.query('saved') === 'yes',
    isOwner,
    topics: topics.map((topic) => ({
      value: topic,
      inputId: `topic-${topic}`,
      chosen: !muted.includes(topic),
      label: WORDS[topic].label,
      hint: WORDS[topic].hint,
      always: isOwner ? (WORDS[topic].always ?? null) : null,
    })),
  })
}

async function choose(c: WebContext): Promise<Response> {
  const { actor } = bearerOf(c)
  await readForm(c, z.object({}))
  const { topics } = await findReader(c)
  await chooseTopics(c.get('desk').db, actor, topics, await textsOf(c, 'topic'))
  return c.redirect('/account/notifications?saved=yes', 303)
}

export function addNotifications(app: App): void {
  app.get('/account/notifications', show)
  app.post('/account/notifications', choose)
}
