import type { KeyView, ServiceView } from '../../../database/keys/services.ts'
import { waitsForPickUp } from '../../../database/keys/versions.ts'
import { count, KIND_WORDS, PERMISSION_WORDS } from '../../../rules/text/words.ts'
import { waitsForFirstPickUp } from '../new-keys.ts'
import { shownOrganisation } from '../page.ts'
import { howLongAgo, shownTimeOrNull } from '../times.ts'
import { keyMoves } from './menu.ts'

type Rotating = { mayRotate: boolean; ofAll: boolean }

type Options = Rotating & {
  mayRemove: boolean
  mayReveal: boolean
  mayManage: boolean
  maySetPolicy: boolean
  mayRoll: boolean
}

function versionFacts(key: KeyView, timeZone: string) {
  const shown = key.versions.filter((version) => version.accepted)
  const newest = key.versions.slice(0, 1)
  return (shown.length === 0 ? newest : shown).map((version, i) => ({
    last4: version.last4,
    notPickedUp: i === 0 && waitsForPickUp(version),
    note: shown.length < 2 ? null : i === 0 ? 'new' : 'old, stops',
    stopsAt: shown.length < 2 || i === 0 ? null : shownTimeOrNull(version.acceptedUntil, timeZone),
  }))
}

/** Where this key is filed: by an owner, or by the staff on behalf of one. */
export function rotateHref(key: KeyView, service: ServiceView, { mayRotate, ofAll }: Rotating): string | null {
  if (!mayRotate || !key.enabled) return null
  return `/rotations/new?${ofAll ? `organisation=${service.organisationId}&` : ''}key=${key.id}`
}

/** The latest use of any version of a key. */
export function lastUseOf(key: KeyView) {
  const used = key.versions.filter(({ lastUsedAt }) => lastUsedAt !== null)
  return used.toSorted((a, b) => Number(b.lastUsedAt) - Number(a.lastUsedAt))[0] ?? null
}

function keyFacts(key: KeyView, service: ServiceView, timeZone: string, options: Options) {
  const newest = key.versions[0]
  const kindWord = KIND_WORDS[key.kind]
  return {
    id: key.id,
    href: `/keys/${key.id}`,
    name: key.name,
    kindWord,
    kindBeside: key.name === kindWord ? null : kindWord,
    enabled: key.enabled,
    permissionWord: PERMISSION_WORDS[key.permission],
    ipRanges: key.ipRanges,
    versions: versionFacts(key, timeZone),
    madeAt: shownTimeOrNull(newest?.createdAt ?? null, timeZone),
    age: newest === undefined ? '' : howLongAgo(newest.createdAt, new Date()),
    lastUsed: shownTimeOrNull(lastUseOf(key)?.lastUsedAt ?? null, timeZone),
    rotation: key.rotationRef === null ? null : { ref: key.rotationRef, href: `/rotations/${key.rotationRef}` },
    rotateHref: rotateHref(key, service, options),
    rotateWord: options.ofAll ? 'File on behalf' : 'Rotate',
    moves: keyMoves(key, service, options),
  }
}

/** A service as the panel of services and keys shows it, with what whoever looks may do. */
export function serviceFacts(service: ServiceView, timeZone: string, options: Options) {
  const waits = options.mayReveal && service.keys.some(waitsForFirstPickUp)
  return {
    id: service.id,
    name: service.name,
    live: service.environment === 'live',
    selfService: service.selfService,
    organisation: options.ofAll ? shownOrganisation(service.organisationId, service.organisationName) : null,
    removeHref: options.mayRemove ? `/services/${service.id}/removal` : null,
    deliveryHref: options.mayManage ? `/services/${service.id}/delivery` : null,
    policyHref: options.maySetPolicy ? `/desk/policies/${service.id}` : null,
    isSealed: service.ageRecipient !== null,
    addHref: options.mayManage ? `/services/${service.id}` : null,
    pickUpHref: waits ? `/services/${service.id}/new-keys` : null,
    moreKeys: service.keyCount > service.keys.length ? count(service.keyCount, 'key') : null,
    keys: service.keys.map((key) => keyFacts(key, service, timeZone, options)),
  }
}
