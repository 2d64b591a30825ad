import type { KeyView, ServiceView } from '../../database/keys/services.ts'
import { waitsForPickUp as hasWaiting, type VersionView } from '../../database/keys/versions.ts'
import type { ItemView } from '../../database/rotations/items.ts'
import type { RotationView } from '../../database/rotations/views.ts'
import type { Environment, KeyKind } from '../../rules/keys/key-text.ts'
import { isOver } from '../../rules/keys/verdict.ts'
import { durationInWords, keyWords } from '../../rules/text/words.ts'
import { oldKeyWorks, waitsForPickUp } from './status.ts'
import { type ShownTime, shownTimeOrNull } from './times.ts'

/** One new key as the page for picking it up shows it. */
type NewKey = {
  versionId: string
  service: string
  kindWord: string
  live: boolean
  last4: string
  /** Whether its secret still waits. */
  waits: boolean
  /** Where it is fetched as an age file; null for one that is shown. */
  sealedHref: string | null
  /** Where it is made anew when it was lost; null once it has ended. */
  reissueHref: string | null
  revealedAt: ShownTime | null
  revealedBy: string
  storedAt: ShownTime | null
  storedBy: string
  old: { last4: string } | null
  oldStopsAt: ShownTime | null
  /** Picking it up stops the old key, at once or some time after, in words; null where it does not. */
  stopsOld: string | null
  /** It does not work before this; null where it works now. */
  worksFrom: ShownTime | null
}

/** New keys that are picked up on one page: those of a rotation, or the first ones of a service. */
export type NewKeys = { label: string; href: string; keys: NewKey[] }

type Place = { service: string; keyName: string; kind: KeyKind; environment: Environment }

function newKey(version: VersionView, place: Place, waits: boolean, timeZone: string): NewKey {
  return {
    versionId: version.id,
    service: place.service,
    kindWord: keyWords({ kind: place.kind, name: place.keyName }),
    live: place.environment === 'live',
    last4: version.last4,
    waits,
    sealedHref: version.ageRecipient === null ? null : `/versions/${version.id}/sealed`,
    reissueHref: isOver({ ...version, revokeFrom: null }, new Date()) ? null : `/versions/${version.id}/reissue`,
    revealedAt: shownTimeOrNull(version.revealedAt, timeZone),
    revealedBy: version.revealedBy ?? '',
    storedAt: shownTimeOrNull(version.acknowledgedAt, timeZone),
    storedBy: version.acknowledgedBy ?? '',
    old: null,
    oldStopsAt: null,
    stopsOld: null,
    worksFrom: version.activeFrom > new Date() ? shownTimeOrNull(version.activeFrom, timeZone) : null,
  }
}

/** What picking a key up does to the old one. */
function stopsOld(item: ItemView, { clockStarts, clockSeconds }: VersionView): string | null {
  if (clockStarts !== 'on_pickup' || !oldKeyWorks(item)) return null
  return clockSeconds === null || clockSeconds === 0 ? 'at once' : `${durationInWords(clockSeconds)} later`
}

function ofItem(item: ItemView, timeZone: string): NewKey[] {
  const { newVersion, oldVersion } = item
  if (newVersion === null) return []
  const key = newKey(newVersion, { ...item, service: item.serviceName }, waitsForPickUp(item), timeZone)
  const old = oldVersion === null ? null : { last4: oldVersion.last4 }
  const reissueHref = oldKeyWorks(item) || key.waits ? key.reissueHref : null
  return [
    {
      ...key,
      reissueHref,
      old,
      oldStopsAt: oldKeyWorks(item) ? shownTimeOrNull(item.overlapEndsAt, timeZone) : null,
      stopsOld: stopsOld(item, newVersion),
    },
  ]
}

export function newKeysOfRotation(rotation: RotationView, timeZone: string): NewKeys {
  const keys = rotation.items.flatMap((item) => ofItem(item, timeZone))
  return { label: rotation.ref, href: `/rotations/${rotation.ref}`, keys }
}

/** The newest version that no rotation made, by which a key began, or one that took its place. */
function firstVersion(key: KeyView): VersionView | undefined {
  return key.versions.find(({ madeIn }) => madeIn === null)
}

/** Whether a key's newest secret has never been picked up; one that a rotation made is picked up there. */
export function waitsForFirstPickUp(key: KeyView): boolean {
  const first = firstVersion(key)
  if (first === undefined || first !== key.versions[0] || !hasWaiting(first) || !key.enabled) return false
  return !isOver({ ...first, revokeFrom: null }, new Date())
}

function ofKey(key: KeyView, { name, environment }: ServiceView, timeZone: string): NewKey[] {
  const first = firstVersion(key)
  if (first === undefined) return []
  const made = newKey(
    first,
    { service: name, keyName: key.name, kind: key.kind, environment },
    waitsForFirstPickUp(key),
    timeZone,
  )
  return [made.waits ? made : { ...made, reissueHref: null }]
}

export function firstKeysOfService(service: ServiceView, timeZone: string): NewKeys {
  const keys = service.keys.flatMap((key) => ofKey(key, service, timeZone))
  return { label: service.name, href: `/services/${service.id}`, keys }
}

/** The same of one key. */
export function firstOfKey(key: KeyView, service: ServiceView, timeZone: string): NewKeys {
  return { label: key.name, href: `/keys/${key.id}`, keys: ofKey(key, service, timeZone) }
}
