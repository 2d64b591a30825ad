import type { KeyView, ServiceView } from '../../database/keys/services.ts'
import type { ItemView } from '../../database/rotations/items.ts'
import type { RotationView } from '../../database/rotations/views.ts'
import { KIND_WORDS } from '../../rules/text/words.ts'
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
  revealedAt: ShownTime | null
  revealedBy: string
  old: { last4: string } | null
  oldStopsAt: ShownTime | null
}

/** New keys that are picked up on one page: those of a rotation, or the first ones of a service. */
export type NewKeys = { label: string; href: string; keys: NewKey[] }

function ofItem(item: ItemView, timeZone: string): NewKey[] {
  const { newVersion, oldVersion } = item
  if (newVersion === null) return []
  const key = {
    versionId: newVersion.id,
    service: item.serviceName,
    kindWord: KIND_WORDS[item.kind],
    live: item.environment === 'live',
    last4: newVersion.last4,
    waits: waitsForPickUp(item),
    revealedAt: shownTimeOrNull(newVersion.revealedAt, timeZone),
    revealedBy: newVersion.revealedBy ?? '',
    old: oldVersion === null ? null : { last4: oldVersion.last4 },
    oldStopsAt: oldKeyWorks(item) ? shownTimeOrNull(item.overlapEndsAt, timeZone) : null,
  }
  return [key]
}

export function newKeysOfRotation(rotation: RotationView, timeZone: string): NewKeys {
  const keys = rotation.items.flatMap((item) => ofItem(item, timeZone))
  return { label: rotation.ref, href: `/rotations/${rotation.ref}`, keys }
}

/** Whether a key's newest secret has never been picked up; one that a rotation made is picked up there. */
export function waitsForFirstPickUp(key: KeyView): boolean {
  const [newest, ...older] = key.versions
  return newest !== undefined && older.length === 0 && newest.sealed && newest.accepted
}

function ofKey(key: KeyView, service: ServiceView, timeZone: string): NewKey[] {
  const first = key.versions.at(-1)
  if (first === undefined) return []
  const shown = {
    versionId: first.id,
    service: service.name,
    kindWord: KIND_WORDS[key.kind],
    live: service.environment === 'live',
    last4: first.last4,
    waits: waitsForFirstPickUp(key),
    revealedAt: shownTimeOrNull(first.revealedAt, timeZone),
    revealedBy: first.revealedBy ?? '',
    old: null,
    oldStopsAt: null,
  }
  return [shown]
}

export function firstKeysOfService(service: ServiceView, timeZone: string): NewKeys {
  const keys = service.keys.flatMap((key) => ofKey(key, service, timeZone))
  return { label: service.name, href: `/services/${service.id}`, keys }
}
