import type { KeyView, ServiceView } from '../../database/keys/services.ts'
import { REASONS } from '../../rules/rotations/approvals.ts'
import { MAX_START_AHEAD_SECONDS } from '../../rules/rotations/overlap.ts'
import { durationInWords, KIND_WORDS, REASON_WORDS } from '../../rules/text/words.ts'
import { actorFor, bearerOf, type WebContext } from '../context.ts'
import type { Problems, Typed } from '../forms/form.ts'
import { showPage } from '../shown/page.ts'
import { findOwnServices, OVERLAP_CHOICES } from './filing.ts'

export type FilingTyped = { keyIds: readonly string[]; values: Typed }

/** Whether a key can be chosen, and in words why not. */
function choosable(key: KeyView): { free: boolean; reason: string } {
  if (key.rotationRef !== null) return { free: false, reason: 'already in' }
  if (!key.enabled) return { free: false, reason: 'disabled' }
  return key.versions.some((version) => version.accepted)
    ? { free: true, reason: '' }
    : { free: false, reason: 'has no working version' }
}

function choosableKey(key: KeyView, service: ServiceView, chosenIds: readonly string[]) {
  const { free, reason } = choosable(key)
  return {
    id: key.id,
    free,
    reason,
    service: service.name,
    kindWord: KIND_WORDS[key.kind],
    last4: (key.versions.find((version) => version.accepted) ?? key.versions[0])?.last4 ?? '',
    chosen: chosenIds.includes(key.id),
    rotation: key.rotationRef === null ? null : { ref: key.rotationRef, href: `/rotations/${key.rotationRef}` },
  }
}

function matrix(services: readonly ServiceView[], chosenIds: readonly string[]) {
  // The error summary leads to the first key that can be ticked.
  const first = services.flatMap((service) => service.keys).find((key) => choosable(key).free)
  return services.map((service) => ({
    name: service.name,
    live: service.environment === 'live',
    cells: (['auth', 'admin'] as const).map((kind) => ({
      kindWord: KIND_WORDS[kind],
      keys: service.keys
        .filter((key) => key.kind === kind)
        .map((key) => ({
          ...choosableKey(key, service, chosenIds),
          inputId: key.id === first?.id ? 'key' : key.id,
        })),
    })),
  }))
}

function choices(name: string, options: readonly { value: string; label: string }[], chosen: string | undefined) {
  return options.map(({ value, label }, i) => ({
    inputId: i === 0 ? name : `${name}-${value}`,
    value,
    label,
    chosen: value === chosen,
  }))
}

const REASON_CHOICES = REASONS.map((value) => ({ value, label: REASON_WORDS[value] }))

/** The form of a new rotation, with what was typed before and what is wrong with it. */
export async function askForFiling(c: WebContext, typed: FilingTyped, problems?: Problems): Promise<Response> {
  const { organisationId } = actorFor(c, 'rotations.submit')
  const { timeZone } = bearerOf(c)
  const services = await findOwnServices(c, organisationId ?? '')
  const ahead = durationInWords(MAX_START_AHEAD_SECONDS)
  return showPage(c, 'new-rotation', {
    title: 'Request a rotation',
    services: matrix(services, typed.keyIds),
    reasons: choices('reason', REASON_CHOICES, typed.values.reason),
    overlaps: choices('overlap', OVERLAP_CHOICES, typed.values.overlap ?? OVERLAP_CHOICES.at(-2)?.value),
    startHint: `In your time zone, ${timeZone}. Leave it empty to start as soon as it is approved. At most ${ahead} ahead.`,
    values: { details: '', notBefore: '', otherDays: '', ...typed.values },
    ...(problems === undefined ? {} : { problems }),
  })
}
