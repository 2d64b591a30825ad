import type { KeyView, ServiceView } from '../../../database/keys/services.ts'
import { findOrganisationNames } from '../../../database/people/organisations.ts'
import type { Owner } from '../../../database/people/owners.ts'
import { REASONS } from '../../../rules/rotations/approvals.ts'
import { MAX_START_AHEAD_SECONDS } from '../../../rules/rotations/overlap.ts'
import { type ItemStatus, LIVE_ITEM_STATUSES } from '../../../rules/rotations/rotation-lifecycle.ts'
import { shortId } from '../../../rules/text/foreign-text.ts'
import { durationInWords, KIND_WORDS, keyWords, REASON_WORDS } from '../../../rules/text/words.ts'
import { bearerOf, type WebContext } from '../../context.ts'
import type { Problems, Typed } from '../../forms/form.ts'
import { showPage } from '../../shown/page.ts'
import { oldKeyWorks } from '../../shown/status.ts'
import { shownTime, shownTimeOrNull } from '../../shown/times.ts'
import { offeredOverlaps } from './offered.ts'
import { findAllServices, findOwnHold, heldUntil, type Side } from './side.ts'

export type FilingTyped = { keyIds: readonly string[]; values: Typed }

/** Whether a key can be chosen, and in words why not. */
function choosable(key: KeyView, replacedRef: string | undefined): { free: boolean; reason: string } {
  if (key.rotationRef !== null && key.rotationRef !== replacedRef) return { free: false, reason: 'already in' }
  if (!key.enabled) return { free: false, reason: 'disabled' }
  return key.versions.some((version) => version.accepted)
    ? { free: true, reason: '' }
    : { free: false, reason: 'has no working version' }
}

type Choice = { chosenIds: readonly string[]; replacedRef: string | undefined }

function choosableKey(key: KeyView, service: ServiceView, { chosenIds, replacedRef }: Choice) {
  const { free, reason } = choosable(key, replacedRef)
  return {
    id: key.id,
    free,
    reason,
    service: service.name,
    kindWord: keyWords(key),
    last4: (key.versions.find((version) => version.accepted) ?? key.versions[0])?.last4 ?? '',
    chosen: chosenIds.includes(key.id),
    rotation: key.rotationRef === null ? null : { ref: key.rotationRef, href: `/rotations/${key.rotationRef}` },
  }
}

function matrix(services: readonly ServiceView[], choice: Choice) {
  // The error summary leads to the first key that can be ticked.
  const first = services.flatMap((service) => service.keys).find((key) => choosable(key, choice.replacedRef).free)
  return services.map((service) => ({
    name: service.name,
    live: service.environment === 'live',
    cells: (['auth', 'admin'] as const).map((kind) => ({
      kindWord: KIND_WORDS[kind],
      keys: service.keys
        .filter((key) => key.kind === kind)
        .map((key) => ({
          ...choosableKey(key, service, choice),
          inputId: key.id === first?.id ? 'key' : key.id,
        })),
    })),
  }))
}

function choices(
  name: string,
  options: readonly { value: string; label: string; hint?: string }[],
  chosen: string | undefined,
) {
  return options.map(({ value, label, hint = null }, i) => ({
    inputId: i === 0 ? name : `${name}-${value}`,
    value,
    label,
    hint,
    chosen: value === chosen,
  }))
}

const REASON_CHOICES = REASONS.map((value) => ({ value, label: REASON_WORDS[value] }))

/** The owners whom the staff may file for; one whose account changed lately may not be who they say. */
function ownerChoices(owners: readonly Owner[], chosenId: string | undefined, timeZone: string) {
  return owners.map((owner, i) => ({
    inputId: i === 0 ? 'owner' : owner.personId,
    value: owner.personId,
    name: owner.name,
    email: owner.email,
    changedAt: shownTimeOrNull(heldUntil(owner, new Date())?.changedAt ?? null, timeZone),
    chosen: owner.personId === chosenId || owners.length === 1,
  }))
}

/** What replacing a rotation does, said before and where it is confirmed. */
export function replacedFacts({ replaced }: Side) {
  if (replaced === null) return null
  const stopping = replaced.items.filter(oldKeyWorks)
  return {
    ref: replaced.ref,
    href: `/rotations/${replaced.ref}`,
    stopping: stopping.map((item) => ({
      service: item.serviceName,
      kindWord: keyWords({ kind: item.kind, name: item.keyName }),
      last4: item.oldVersion?.last4 ?? '',
    })),
  }
}

/** The keys and the reason that a replacement begins with: all that wait in the rotation, since one was leaked. */
function begin({ replaced }: Side, typed: FilingTyped): FilingTyped {
  if (replaced === null || typed.keyIds.length > 0 || typed.values.reason !== undefined) return typed
  const live: readonly ItemStatus[] = LIVE_ITEM_STATUSES
  const keyIds = replaced.items.filter((item) => live.includes(item.status)).map((item) => item.keyId)
  return { keyIds, values: { ...typed.values, reason: 'compromised' } }
}

function shownHold(hold: Awaited<ReturnType<typeof findOwnHold>>, timeZone: string) {
  if (hold === null) return null
  return { changedAt: shownTime(hold.changedAt, timeZone), until: shownTime(hold.until, timeZone) }
}

/** The form of a new rotation, with what was typed before and what is wrong with it. */
export async function askForFiling(c: WebContext, side: Side, typed: FilingTyped, problems?: Problems) {
  const { timeZone } = bearerOf(c)
  const { keyIds, values } = begin(side, typed)
  const services = await findAllServices(c, side.organisationId, keyIds)
  // After a leak the length is a choice to think about, so none is made for the person.
  const offered = await offeredOverlaps(c, services)
  const ahead = durationInWords(MAX_START_AHEAD_SECONDS)
  return showPage(c, 'new-rotation', {
    title: side.owners === null ? 'Request a rotation' : 'File on behalf of an owner',
    services: matrix(services, { chosenIds: keyIds, replacedRef: side.replaced?.ref }),
    reasons: choices('reason', REASON_CHOICES, values.reason),
    overlaps: choices(
      'overlap',
      offered.choices,
      values.overlap ?? (side.replaced === null ? offered.usual : undefined),
    ),
    overlapWhy: offered.why,
    overlapLimits: offered.limits,
    startHint: `In your time zone, ${timeZone}. Leave it empty to start as soon as it is approved. At most ${ahead} ahead.`,
    hold: shownHold(await findOwnHold(c, side), timeZone),
    replaced: replacedFacts(side),
    onBehalf:
      side.owners === null
        ? null
        : {
            organisationId: side.organisationId,
            organisation: side.organisation,
            owners: ownerChoices(side.owners, values.owner, timeZone),
          },
    values: { details: '', notBefore: '', otherDays: '', verifiedBy: '', ...values },
    ...(problems === undefined ? {} : { problems }),
  })
}

/** The staff say first for which organisation they file. */
export async function askForOrganisation(c: WebContext): Promise<Response> {
  const organisations = await findOrganisationNames(c.get('desk').db)
  return showPage(c, 'file-on-behalf', {
    title: 'File on behalf of an owner',
    organisations: organisations.map(({ id, name }) => ({ id, name, shortId: shortId(id) })),
  })
}
