import { containsSecret } from './keys/secret-text.ts'
import { isRevoked } from './keys/verdict.ts'
import type { LeakResponse } from './policy.ts'
import { DAY_SECONDS } from './rotations/overlap.ts'

/** Where the policy shortens its life, a leaked version ends at most this long after the report. */
const SHORTENED_SECONDS = DAY_SECONDS
const MAX_SOURCE = 100
const MAX_URL = 2_000

type Life = { acceptedUntil: Date | null; revokedAt: Date | null; revokeFrom: Date | null; rolledBackAt: Date | null }

/** Whether a version will never be accepted again, so that its leak can only be told. One that isn't active yet will be. */
export function hasEnded(version: Life, now: Date): boolean {
  const over = version.acceptedUntil !== null && version.acceptedUntil <= now
  return over || isRevoked(version, now) || version.rolledBackAt !== null
}

/** The end of a leaked version by the policy: now, within 24 hours, or the one it has. Never later than that one. */
export function leakedEnd(response: LeakResponse, acceptedUntil: Date | null, now: Date): Date | null {
  if (response === 'tell') return acceptedUntil
  const seconds = response === 'disable' ? 0 : SHORTENED_SECONDS
  const end = new Date(now.getTime() + seconds * 1000)
  return acceptedUntil !== null && acceptedUntil < end ? acceptedUntil : end
}

/** The overlap in seconds that the desk asks for when it files for a leak: a day to change over, or what the policy allows. */
export function leakOverlap(response: LeakResponse, longestSeconds: number): number {
  return response === 'disable' ? 0 : Math.min(DAY_SECONDS, longestSeconds)
}

export type Evidence = { source: string; url: string }

function isLink(text: string): boolean {
  return URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol) && !new URL(text).password
}

/** Only its own line of visible text. */
function oneLine(text: string): string {
  return text
    .normalize('NFC')
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * What a report says of where the key was found, as it may be kept and shown: a link is http or https and short enough; whatever holds
 * the key, or looks as if it held one, is left out. Never refuses: the key was found wherever it was.
 */
export function cleanEvidence(key: string, reported: { source: string; url?: string | undefined }): Evidence {
  const holdsKey = (text: string) =>
    [text, decoded(text)].some((each) => each.includes(key) || containsSecret(each)) ||
    text.includes(encodeURIComponent(key))
  const source = oneLine(reported.source)
  const url = (reported.url ?? '').trim()
  return {
    // looked at before it is cut: what is left of a key is a part of it
    source: source === '' || holdsKey(source) ? 'unknown' : source.slice(0, MAX_SOURCE).trim(),
    url: url.length <= MAX_URL && isLink(url) && !holdsKey(url) ? url : '',
  }
}
