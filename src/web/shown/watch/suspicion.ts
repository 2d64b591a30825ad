import type { SuspicionView } from '../../../database/watch/suspicions.ts'
import { type Role, roleMay } from '../../../rules/permissions.ts'
import { keyWords } from '../../../rules/text/words.ts'
import { suspicionInWords } from '../../../rules/watch/suspicion.ts'
import { shownOrganisation } from '../page.ts'
import { howLongAgo, shownTime, shownTimeOrNull } from '../times.ts'

const MEANINGS = {
  new_network:
    'The key was good, and it was used from a network that it was never used from before. A new server or a colleague on the road looks like this, and so does a thief.',
  refusals:
    'Calls with the key were refused again and again: from an address that is not allowed, for more than its permission, or while it was disabled. A program that was set up wrongly looks like this, and so does somebody who tries out what a stolen key can do.',
  retired_use:
    'Calls came with a version of the key that has ended, and were refused. A program that nobody gave the new version looks like this, and so does somebody who found an old one.',
} as const satisfies Record<SuspicionView['kind'], string>

function status({ dismissedAt, rotationRef }: SuspicionView) {
  if (rotationRef !== null) return { word: `Answered by ${rotationRef}`, color: 'success' }
  return dismissedAt === null ? { word: 'Open', color: 'warning' } : { word: 'Dismissed', color: 'neutral' }
}

/** The form of a new rotation, with this key and a reason chosen. */
function fileHref({ keyId, keyDeleted, organisationId }: SuspicionView, role: Role): string | null {
  if (keyDeleted || !roleMay(role, 'rotations.file')) return null
  const organisation = role === 'owner' ? '' : `organisation=${organisationId}&`
  return `/rotations/new?${organisation}key=${keyId}&reason=suspected`
}

/** Something suspicious as lists and its own page show it to somebody of this role. */
export function suspicionFacts(suspicion: SuspicionView, role: Role, timeZone: string) {
  const what = suspicionInWords(suspicion)
  const { id, at, lastAt, dismissedAt, dismissedBy, rotationRef } = suspicion
  return {
    href: `/suspicions/${id}`,
    key: keyWords({ kind: suspicion.keyKind, name: suspicion.keyName }),
    keyHref: suspicion.keyDeleted ? null : `/keys/${suspicion.keyId}`,
    service: suspicion.serviceName,
    live: suspicion.environment === 'live',
    organisation: shownOrganisation(suspicion.organisationId, suspicion.organisationName),
    last4: suspicion.last4,
    what: what.charAt(0).toUpperCase() + what.slice(1),
    meaning: MEANINGS[suspicion.kind],
    count: suspicion.kind === 'new_network' && suspicion.count === 1 ? null : suspicion.count,
    at: shownTime(at, timeZone),
    lastAt: shownTime(lastAt, timeZone),
    age: howLongAgo(lastAt, new Date()),
    status: status(suspicion),
    dismissedAt: shownTimeOrNull(dismissedAt, timeZone),
    dismissedBy: dismissedBy?.name ?? null,
    rotation: rotationRef === null ? null : { ref: rotationRef, href: `/rotations/${rotationRef}` },
    fileHref: rotationRef === null ? fileHref(suspicion, role) : null,
    fileWord: role === 'owner' ? 'Request a rotation' : 'File on behalf',
    mayDismiss: dismissedAt === null && rotationRef === null && roleMay(role, 'suspicions.dismiss'),
  }
}
