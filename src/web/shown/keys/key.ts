import type { KeyView, ServiceView } from '../../../database/keys/services.ts'
import { type VersionView, waitsForPickUp } from '../../../database/keys/versions.ts'
import { KIND_WORDS, PERMISSION_WORDS } from '../../../rules/text/words.ts'
import { shownTime, shownTimeOrNull } from '../times.ts'
import { lastUseOf } from './service.ts'

type State = { word: string; color: string; at: Date | null }

/** Where a version stands, as a tag's word and the moment that goes with it. */
function stateOf(version: VersionView, key: KeyView, now: Date): State {
  const { revokedAt, rolledBackAt, acceptedUntil, activeFrom, accepted } = version
  if (revokedAt !== null) return { word: 'Revoked', color: 'neutral', at: revokedAt }
  if (rolledBackAt !== null) return { word: 'Rolled back', color: 'neutral', at: rolledBackAt }
  if (acceptedUntil !== null && acceptedUntil <= now) return { word: 'Ended', color: 'neutral', at: acceptedUntil }
  if (activeFrom > now) return { word: 'Works from', color: 'info', at: activeFrom }
  if (!key.enabled) return { word: 'Disabled', color: 'neutral', at: null }
  if (!accepted) return { word: 'Revoked', color: 'neutral', at: null }
  if (acceptedUntil !== null) return { word: 'Works until', color: 'warning', at: acceptedUntil }
  return { word: 'Works', color: 'success', at: null }
}

function versionFacts(version: VersionView, key: KeyView, now: Date, timeZone: string) {
  const { at, ...state } = stateOf(version, key, now)
  return {
    ...state,
    id: version.id,
    last4: version.last4,
    at: shownTimeOrNull(at, timeZone),
    madeAt: shownTime(version.createdAt, timeZone),
    waits: waitsForPickUp(version),
    revealedAt: shownTimeOrNull(version.revealedAt ?? version.acknowledgedAt, timeZone),
    revealedBy: version.revealedBy ?? version.acknowledgedBy ?? '',
    fingerprint: version.acknowledgedAt === null ? null : version.fingerprint,
    lastUsed: shownTimeOrNull(version.lastUsedAt, timeZone),
    network: version.lastNetwork,
  }
}

/** What is known of a key, for its own page. */
export function keyFactsInFull(key: KeyView, service: ServiceView, timeZone: string) {
  const now = new Date()
  const lastUse = lastUseOf(key)
  return {
    id: key.id,
    name: key.name,
    kindWord: KIND_WORDS[key.kind],
    description: key.description,
    enabled: key.enabled,
    permissionWord: PERMISSION_WORDS[key.permission],
    ipRanges: key.ipRanges,
    datasets: key.datasets,
    service: { name: service.name, href: `/services/${service.id}`, live: service.environment === 'live' },
    madeAt: shownTime(key.createdAt, timeZone),
    madeBy: key.createdByName,
    expiresAt: shownTimeOrNull(key.expiresAt, timeZone),
    lastUsed: shownTimeOrNull(lastUse?.lastUsedAt ?? null, timeZone),
    network: lastUse?.lastNetwork ?? null,
    rotation: key.rotationRef === null ? null : { ref: key.rotationRef, href: `/rotations/${key.rotationRef}` },
    versions: key.versions.map((version) => versionFacts(version, key, now, timeZone)),
  }
}
