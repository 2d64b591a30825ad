import { searchTrail } from '../../database/audit/search.ts'
import type { VersionView } from '../../database/keys/versions.ts'
import { findEveryApproval, findFingerprints, findLetters, type SentLetter } from '../../database/rotations/evidence.ts'
import type { ItemView } from '../../database/rotations/items.ts'
import { durationInWords, keyWords, REASON_WORDS } from '../../rules/text/words.ts'
import { type App, bearerOf, type WebContext } from '../context.ts'
import { shownOrganisation, showPage } from '../shown/page.ts'
import { itemStatus, rotationStatus } from '../shown/status.ts'
import { shownTime, shownTimeOrNull } from '../shown/times.ts'
import { trailRow } from '../shown/trail.ts'
import { rotationOf } from './rotation.ts'

const ALL = 1_000

function versionFacts(version: VersionView | null, sha256: ReadonlyMap<string, string>, timeZone: string) {
  if (version === null) return null
  return {
    last4: version.last4,
    sha256: sha256.get(version.id) ?? '',
    madeAt: shownTime(version.createdAt, timeZone),
    lastUsed: shownTimeOrNull(version.lastUsedAt, timeZone),
    network: version.lastNetwork,
    revokedAt: shownTimeOrNull(version.revokedAt, timeZone),
    rolledBackAt: shownTimeOrNull(version.rolledBackAt, timeZone),
    pickedUpAt: shownTimeOrNull(version.revealedAt ?? version.acknowledgedAt, timeZone),
    pickedUpBy: version.revealedBy ?? version.acknowledgedBy,
    fetchedAt: shownTimeOrNull(version.fetchedAt, timeZone),
    recipient: version.ageRecipient,
  }
}

function itemEvidence(item: ItemView, sha256: ReadonlyMap<string, string>, timeZone: string) {
  return {
    id: item.id,
    service: item.serviceName,
    kindWord: keyWords({ kind: item.kind, name: item.keyName }),
    live: item.environment === 'live',
    problem: item.problem,
    statusWord: itemStatus(item).word,
    old: versionFacts(item.oldVersion, sha256, timeZone),
    new: versionFacts(item.newVersion, sha256, timeZone),
    oldEndWord: item.status === 'pending' ? 'once the new key is made' : 'not by this request',
    oldEndsAt: shownTimeOrNull(item.overlapEndsAt, timeZone),
  }
}

function letterFacts({ kind, name, address, messageId, createdAt, sentAt }: SentLetter, timeZone: string) {
  return {
    kind: kind.replaceAll('-', ' '),
    name,
    address,
    messageId,
    writtenAt: shownTime(createdAt, timeZone),
    sentAt: shownTimeOrNull(sentAt, timeZone),
  }
}

async function show(c: WebContext, ref: string): Promise<Response> {
  const rotation = await rotationOf(c, ref)
  const { actor, timeZone } = bearerOf(c)
  const viewer = { organisationId: actor.organisationId }
  const { db } = c.get('desk')
  const versions = rotation.items.flatMap(({ oldVersion, newVersion }) => [oldVersion, newVersion])
  const ids = versions.flatMap((version) => (version === null ? [] : [version.id]))
  const prints = new Map((await findFingerprints(db, ids)).map(({ versionId, sha256 }) => [versionId, sha256]))
  const approvals = await findEveryApproval(db, ref)
  const letters = await findLetters(db, viewer, ref)
  const trail = await searchTrail(db, viewer, { rotation: ref, limit: ALL })
  return showPage(c, 'evidence', {
    title: `Evidence for ${ref}`,
    ref,
    href: `/rotations/${ref}`,
    organisation: shownOrganisation(rotation.organisationId, rotation.organisationName),
    status: rotationStatus(rotation, timeZone),
    requester: rotation.requester.name,
    filer: rotation.filedBy?.id === rotation.requester.id ? null : (rotation.filedBy?.name ?? 'the desk'),
    filedAt: shownTime(rotation.createdAt, timeZone),
    reason: REASON_WORDS[rotation.reason],
    details: rotation.details,
    overlap: durationInWords(rotation.overlapSeconds),
    revision: rotation.revision,
    startsAt: shownTimeOrNull(rotation.notBefore, timeZone),
    decidedAt: shownTimeOrNull(rotation.decidedAt, timeZone),
    decisionReason: rotation.decisionReason,
    completedAt: shownTimeOrNull(rotation.completedAt, timeZone),
    approvals: approvals.map(({ by, at, ...rest }) => ({
      ...rest,
      name: by.name,
      id: by.id,
      at: shownTime(at, timeZone),
    })),
    items: rotation.items.map((item) => itemEvidence(item, prints, timeZone)),
    letters: letters.map((letter) => letterFacts(letter, timeZone)),
    trail: trail.items.toReversed().map((entry) => trailRow(entry, timeZone)),
    more: trail.nextCursor !== null,
    printedAt: shownTime(new Date(), timeZone),
  })
}

/** A rotation on paper: who asked and who approved, which keys, when the old ones last worked, who was told, and what proves it. */
export function addEvidence(app: App): void {
  app.get('/rotations/:ref/evidence', (c) => show(c, c.req.param('ref')))
}
