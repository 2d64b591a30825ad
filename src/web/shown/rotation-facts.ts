import { waitsForPickUp as hasWaiting, type VersionView } from '../../database/keys/versions.ts'
import type { ItemView } from '../../database/rotations/items.ts'
import type { RotationView } from '../../database/rotations/views.ts'
import { isEnded } from '../../rules/rotations/rotation-lifecycle.ts'
import {
  clockInWords,
  count,
  durationInWords,
  joinWords,
  KIND_WORDS,
  keyWords,
  REASON_WORDS,
} from '../../rules/text/words.ts'
import { overlapLines } from '../forms/overlap.ts'
import { shownTasks } from './dependants.ts'
import { shownOrganisation } from './page.ts'
import { itemStatus, oldKeyWorks, rotationStatus, steps, waitsForPickUp } from './status.ts'
import { type ShownTime, shownTime, shownTimeOrNull } from './times.ts'
import { triedWords } from './trouble.ts'

/** "Payments EU, Payments US": what a rotation is about, as its letters call it too. */
function serviceNames(rotation: RotationView): string {
  return [...new Set(rotation.items.map((item) => item.serviceName))].join(', ')
}

/** Who filed it, and for whom when that was the staff. */
function filerWords({ verifiedBy, filedBy, requester }: RotationView): string {
  if (filedBy === null) return `the desk for ${requester.name}`
  return verifiedBy === null ? requester.name : `${filedBy.name} for ${requester.name}`
}

/** A rotation as one line of a list. */
export function rowFacts(rotation: RotationView, timeZone: string) {
  return {
    ref: rotation.ref,
    href: `/rotations/${rotation.ref}`,
    serviceNames: serviceNames(rotation),
    keysWord: count(rotation.items.length, 'key'),
    reasonWord: REASON_WORDS[rotation.reason],
    requester: filerWords(rotation),
    createdAt: shownTime(rotation.createdAt, timeZone),
    status: rotationStatus(rotation, timeZone),
    organisation: shownOrganisation(rotation.organisationId, rotation.organisationName),
  }
}

function lastUse(version: VersionView, timeZone: string) {
  return { lastUsed: shownTimeOrNull(version.lastUsedAt, timeZone), lastNetwork: version.lastNetwork }
}

function stopsOnceMade(overlapSeconds: number): string {
  const made = 'the new key is made'
  return overlapSeconds === 0 ? `when ${made}` : `${durationInWords(overlapSeconds)} after ${made}`
}

/** What is still to end the old version sooner, in words; null where nothing is. */
function clockOfItem(item: ItemView): string | null {
  const { clockStarts = null, clockSeconds = 0 } = item.newVersion ?? {}
  if (clockStarts === null || !oldKeyWorks(item)) return null
  return clockInWords({ overlapEnds: clockStarts, graceSeconds: clockSeconds ?? 0 })
}

function oldFacts(item: ItemView, overlapSeconds: number, timeZone: string) {
  const { oldVersion } = item
  if (oldVersion === null) return null
  const stoppedAt = oldVersion.revokedAt ?? (item.status === 'retired' ? item.overlapEndsAt : null)
  const endsAt = oldKeyWorks(item) ? item.overlapEndsAt : stoppedAt
  return {
    last4: oldVersion.last4,
    endWord: stoppedAt === null ? 'Stops' : 'Stopped',
    endsAt: shownTimeOrNull(endsAt, timeZone),
    sooner: clockOfItem(item),
    endText: item.status === 'pending' ? stopsOnceMade(overlapSeconds) : 'not by this request',
    ...lastUse(oldVersion, timeZone),
  }
}

/** Who has the new key and since when, or whether it still waits; the receipt of one that was delivered as an age file. */
function pickUpFacts(version: VersionView, timeZone: string) {
  const isReceipt = version.acknowledgedAt !== null
  return {
    pickedUpAt: shownTimeOrNull(version.revealedAt ?? version.acknowledgedAt, timeZone),
    pickedUpBy: version.revealedBy ?? version.acknowledgedBy,
    fingerprint: isReceipt ? version.fingerprint : null,
    notPickedUp: hasWaiting(version),
    waiting: version.fetchedAt === null ? 'waits for an owner' : 'fetched, but not said to be stored',
    gone: 'not any more',
  }
}

function newFacts(item: ItemView, timeZone: string) {
  const { newVersion } = item
  if (newVersion === null) return null
  return {
    last4: newVersion.last4,
    ...pickUpFacts(newVersion, timeZone),
    worksFrom: newVersion.activeFrom > new Date() ? shownTime(newVersion.activeFrom, timeZone) : null,
    ...lastUse(newVersion, timeZone),
  }
}

type ItemOptions = { overlapSeconds: number; timeZone: string; mayTick: boolean }

/** One key of a rotation: both versions, when the old one stops, and the last use of each. */
function itemFacts(item: ItemView, { overlapSeconds, timeZone, mayTick }: ItemOptions) {
  return {
    id: item.id,
    tasks: shownTasks(item, !oldKeyWorks(item), mayTick, timeZone),
    service: item.serviceName,
    kindWord: keyWords({ kind: item.kind, name: item.keyName }),
    live: item.environment === 'live',
    status: itemStatus(item),
    problem: item.problem,
    tried: item.status === 'failed' ? triedWords(item.attempts) : null,
    old: oldFacts(item, overlapSeconds, timeZone),
    oldWord: 'unchanged',
    newWord: item.status === 'pending' ? 'not made yet' : 'none was made',
    new: newFacts(item, timeZone),
  }
}

export type Link = { href: string; label: string }
export type Answer = { label: string; lines: string[]; at: ShownTime | null; change: string | null; link: Link | null }

type NamedKey = { serviceName: string; environment: string; kind: 'auth' | 'admin'; last4: string }

/** "Payments EU (live): Auth key …x7Qa and Admin key …9pLm", a line for each service. */
export function keyLines(keys: readonly NamedKey[]): string[] {
  const services = new Map<string, string[]>()
  for (const key of keys) {
    const service = `${key.serviceName} (${key.environment})`
    services.set(service, [
      ...(services.get(service) ?? []),
      `${KIND_WORDS[key.kind]} …\u2060${key.last4}`.replaceAll(' ', '\u00a0'),
    ])
  }
  return [...services].map(([service, words]) => `${service}: ${joinWords(words)}`)
}

function approvalLines({ byPolicy, byTokenId, approvals, approvalsNeeded, requester }: RotationView): string[] {
  if (!byPolicy) return [`${approvals.length} of ${approvalsNeeded}`]
  const by = byTokenId === null ? requester.name : `token ${byTokenId}`
  return [`By policy: the service has self-service, confirmed by ${by}`]
}

function requestFacts(rotation: RotationView, timeZone: string): Answer[] {
  const plain = (label: string, ...lines: string[]): Answer => ({ label, lines, at: null, change: null, link: null })
  const to = (label: string, ref: string | null) =>
    ref === null ? [] : [{ ...plain(label), link: { href: `/rotations/${ref}`, label: ref } }]
  const evidence = (url: string | null) =>
    url === null ? [] : [{ ...plain('Found in public'), link: { href: url, label: new URL(url).host } }]
  const start = shownTimeOrNull(rotation.notBefore, timeZone)
  const { verifiedBy, filedBy, requester } = rotation
  return [
    ...(verifiedBy === null
      ? []
      : [
          plain('Filed by', filedBy?.name ?? 'the desk', `on behalf of ${requester.name}`),
          plain('How the caller was verified', verifiedBy),
        ]),
    ...evidence(rotation.evidenceUrl),
    ...to('Takes the place of', rotation.replaces),
    ...to('Replaced by', rotation.replacedBy),
    plain('Reason', REASON_WORDS[rotation.reason]),
    ...(rotation.details === '' ? [] : [plain('Details', rotation.details)]),
    { ...plain('Earliest start', ...(start === null ? ['As soon as approved'] : [])), at: start },
    plain('Old keys work for', ...overlapLines(rotation)),
    plain('Approvals', ...approvalLines(rotation)),
    ...rotation.approvals.map(({ by, note }) => plain('Approved by', by.name, ...(note === '' ? [] : [note]))),
  ]
}

/** Everything the rotation's page shows whoever looks; the moves and the decision come on top. */
export function rotationFacts(rotation: RotationView, timeZone: string, mayTick = false) {
  const options = { overlapSeconds: rotation.overlapSeconds, timeZone, mayTick }
  return {
    ...rowFacts(rotation, timeZone),
    title: `${rotation.ref}, ${serviceNames(rotation)}`,
    steps: steps(rotation, timeZone),
    items: rotation.items.map((item) => itemFacts(item, options)),
    answers: requestFacts(rotation, timeZone),
    refreshing: !isEnded(rotation.status),
    waiting: rotation.items.filter(waitsForPickUp).length,
  }
}
