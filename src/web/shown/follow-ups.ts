import type { FollowUpView } from '../../database/rotations/follow-ups.ts'
import type { ItemView } from '../../database/rotations/items.ts'
import type { RotationView } from '../../database/rotations/views.ts'
import { keyWords } from '../../rules/text/words.ts'
import { howLongAgo, shownTime, shownTimeOrNull } from './times.ts'

const TITLES = {
  early_revocation: 'Early stop planned',
  extension: 'More time asked for',
  rollback: 'Going back asked for',
} as const satisfies Record<FollowUpView['type'], string>

function keyFacts(item: ItemView, timeZone: string) {
  const at = item.oldVersion?.lastUsedAt ?? null
  return {
    service: item.serviceName,
    live: item.environment === 'live',
    kindWord: keyWords({ kind: item.kind, name: item.keyName }),
    last4: item.oldVersion?.last4 ?? '',
    stopsAt: shownTimeOrNull(item.overlapEndsAt, timeZone),
    useText: at === null ? 'Old key not seen in use.' : `Old key last used ${howLongAgo(at, new Date())}.`,
  }
}

function waitsFor({ approvalsNeeded, approvals }: FollowUpView): string {
  if (approvalsNeeded === 0) return 'It happens then by itself; nothing takes it back.'
  if (approvalsNeeded === 1) return 'A support agent has to approve it.'
  const given = approvals.length === 0 ? 'none has yet' : 'one has'
  return `Two support agents have to approve it; ${given}.`
}

/** A follow-up as whoever decides it, or waits for it, sees it. */
export function followUpFacts(rotation: RotationView, followUp: FollowUpView, timeZone: string) {
  const { id, type, itemIds, at, requestedBy, requestedAt, approvals } = followUp
  return {
    id,
    title: TITLES[type],
    href: `/follow-ups/${id}`,
    untilWord: type === 'extension' ? 'to work until' : 'to stop on',
    until: shownTimeOrNull(at, timeZone),
    isRollback: type === 'rollback',
    requester: requestedBy.name,
    requestedAt: shownTime(requestedAt, timeZone),
    waitsFor: waitsFor(followUp),
    approvers: approvals.map(({ by, at }) => ({ name: by.name, at: shownTime(at, timeZone) })),
    keys: rotation.items.filter((item) => itemIds.includes(item.id)).map((item) => keyFacts(item, timeZone)),
  }
}

/** What waits in a rotation, with a way to decide it for those who may. */
export function waitingFollowUps(rotation: RotationView, timeZone: string, mayDecide: boolean) {
  return rotation.followUps
    .filter(({ status }) => status === 'requested')
    .map((followUp) => {
      const facts = followUpFacts(rotation, followUp, timeZone)
      return { ...facts, href: mayDecide && followUp.approvalsNeeded > 0 ? facts.href : null }
    })
}
