import type { ReviewedKey, ReviewView, StoredFinding } from '../../../database/watch/reviews.ts'
import { count, joinWords, keyWords, PERMISSION_WORDS } from '../../../rules/text/words.ts'
import { type Finding, lowerPermissions, suggestion } from '../../../rules/watch/review.ts'
import type { Typed } from '../../forms/form.ts'
import { howLongAgo, shownTime, shownTimeOrNull } from '../times.ts'

const FINDING_TAGS = {
  unused: { word: 'Not used', color: 'warning' },
  too_wide: { word: 'May do more than it did', color: 'warning' },
  not_told: { word: 'Used, for what isn’t known', color: 'neutral' },
  fits: { word: 'Fits its use', color: 'success' },
  young: { word: 'New, not used yet', color: 'neutral' },
  disabled: { word: 'Disabled', color: 'neutral' },
} as const satisfies Record<Finding, { word: string; color: string }>

const DECISION_WORDS = { keep: 'Kept', lower: 'Lowered', disable: 'Disabled' } as const

type Described = Pick<ReviewedKey, 'kind' | 'name' | 'serviceName' | 'environment' | 'permission' | 'permissionUsed'> &
  Pick<ReviewedKey, 'ipRanges' | 'datasets' | 'networks' | 'finding' | 'keyId'> & { lastUsedAt: Date | null }

function described(key: Described, now: Date, timeZone: string) {
  const { permissionUsed } = key
  return {
    key: keyWords(key),
    href: `/keys/${key.keyId}`,
    service: key.serviceName,
    live: key.environment === 'live',
    permission: PERMISSION_WORDS[key.permission],
    used: permissionUsed === null ? null : PERMISSION_WORDS[permissionUsed],
    ranges: key.ipRanges,
    networks: key.networks === 0 ? null : count(key.networks, 'network'),
    datasets: key.datasets,
    lastUsed: shownTimeOrNull(key.lastUsedAt, timeZone),
    age: key.lastUsedAt === null ? null : howLongAgo(key.lastUsedAt, now),
    finding: FINDING_TAGS[key.finding],
  }
}

/** The name of the field in which somebody decides about a key. */
export function decisionField(keyId: string): string {
  return `decision-${keyId}`
}

function choices(key: ReviewedKey, chosen: string | undefined) {
  const lower = key.enabled ? lowerPermissions(key.permission) : []
  const options = [
    { value: 'keep', label: 'Keep' },
    ...lower.map((permission) => ({
      value: permission,
      label: `Lower: ${PERMISSION_WORDS[permission].toLowerCase()}`,
    })),
    ...(key.enabled ? [{ value: 'disable', label: 'Disable' }] : []),
  ]
  return options.map((option) => ({ ...option, chosen: option.value === chosen }))
}

/** A key in the form of a review, with what was chosen for it before. */
export function reviewedKeyFacts(key: ReviewedKey, typed: Typed, now: Date, timeZone: string) {
  const field = decisionField(key.keyId)
  return {
    ...described(key, now, timeZone),
    field,
    rotation: key.rotationRef === null ? null : { ref: key.rotationRef, href: `/rotations/${key.rotationRef}` },
    suggestion: suggestion(key.finding, key),
    choices: choices(key, typed[field]),
  }
}

function changed(findings: readonly StoredFinding[]): string {
  const number = (decision: StoredFinding['decision']) =>
    findings.filter((finding) => finding.decision === decision).length
  const parts = [
    [number('lower'), 'lowered'] as const,
    [number('disable'), 'disabled'] as const,
    [number('keep'), 'kept'] as const,
  ]
  const told = parts.filter(([many]) => many > 0).map(([many, word]) => `${many} ${word}`)
  return told.length === 0 ? 'no keys' : joinWords(told)
}

/** A review that was carried out, as a row of the history. */
export function reviewRow(review: ReviewView, timeZone: string) {
  return {
    href: `/permission-review/${review.id}`,
    at: shownTime(review.at, timeZone),
    by: review.by.name,
    changed: changed(review.findings),
  }
}

/** The same in full. */
export function reviewInFull(review: ReviewView, timeZone: string) {
  const keys = review.findings.map((finding) => ({
    ...described(
      { ...finding, lastUsedAt: finding.lastUsedAt === null ? null : new Date(finding.lastUsedAt) },
      review.at,
      timeZone,
    ),
    decision: DECISION_WORDS[finding.decision],
    after: finding.decision === 'lower' ? PERMISSION_WORDS[finding.permissionAfter] : null,
  }))
  return { ...reviewRow(review, timeZone), keys }
}
