import { z } from 'zod'
import type { ListedPerson } from '../../database/people/places.ts'
import { PERMISSIONS, VERDICT_CODES } from '../../rules/keys/verdict.ts'
import { MEMBER_ROLES, STAFF_ROLES } from '../../rules/permissions.ts'
import { SCOPES } from '../../rules/token-scopes.ts'

export const time = z.iso.datetime().meta({ example: '2026-12-02T08:00:00.000Z' })
export const kind = z.enum(['auth', 'admin'])
const environment = z.enum(['live', 'sandbox'])
const permission = z.enum(PERMISSIONS)
export const personName = z.object({ id: z.string(), name: z.string() }).meta({ id: 'PersonName' })

/** A page of a list; `nextCursor` is null on the last one. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() })
}

/** A secret that is there once: a replay of the call has null in its place. */
const shownOnce = z.string().nullable().meta({ description: 'Shown this once; null in a replay.' })

export const me = z
  .object({
    person: z.object({ id: z.string(), name: z.string(), email: z.string(), timeZone: z.string() }),
    organisation: z.object({ id: z.string(), name: z.string() }).nullable(),
    role: z.enum([...MEMBER_ROLES, ...STAFF_ROLES]),
  })
  .meta({ id: 'Me' })

export const member = z
  .object({
    id: z.string(),
    name: z.string(),
    email: z.string(),
    role: z.enum([...MEMBER_ROLES, ...STAFF_ROLES]),
    mayReveal: z.boolean().meta({ description: 'Whether a developer may pick up new keys.' }),
    secondFactor: z.boolean().meta({ description: 'Whether a code device is set up; without one nobody signs in.' }),
    lockedAt: time.nullable(),
    disabledAt: time.nullable(),
  })
  .meta({ id: 'Member' })

export function asMember({ personId, ...person }: ListedPerson) {
  return { id: personId, ...person }
}

export const stepUp = z.object({ stepUpToken: z.string(), expiresAt: time }).meta({ id: 'StepUp' })

export const organisation = z
  .object({
    id: z.string(),
    name: z.string(),
    createdAt: time,
    memberCount: z.int(),
    serviceCount: z.int(),
  })
  .meta({ id: 'Organisation' })
export const newOrganisation = z.object({ id: z.string() }).meta({ id: 'NewOrganisation' })

export const gateway = z
  .object({
    id: z.string(),
    name: z.string(),
    last4: z.string(),
    serviceIds: z.array(z.string()).nullable().meta({ description: 'Null when it is bound to all services.' }),
    createdAt: time,
    revokedAt: time.nullable(),
  })
  .meta({ id: 'Gateway' })
export const newGateway = z.object({ id: z.string(), token: shownOnce }).meta({ id: 'NewGateway' })

export const personalToken = z
  .object({
    id: z.string(),
    name: z.string(),
    last4: z.string(),
    scopes: z.array(z.enum(SCOPES)).meta({ description: 'None: everything that you may do.' }),
    unattended: z.boolean().meta({ description: 'Does what its scopes name without a step-up.' }),
    ipRanges: z.array(z.string()).meta({ description: 'Where calls with it may come from; none: anywhere.' }),
    createdAt: time,
    expiresAt: time,
    lastUsedAt: time.nullable(),
  })
  .meta({ id: 'PersonalToken' })
export const newPersonalToken = z.object({ id: z.string(), token: shownOnce }).meta({ id: 'NewPersonalToken' })

const version = z
  .object({
    id: z.string(),
    last4: z.string(),
    createdAt: time,
    acceptedUntil: time.nullable(),
    revokedAt: time.nullable(),
    rolledBackAt: time.nullable(),
    revealedAt: time.nullable(),
    ageRecipient: z.string().nullable().meta({ description: 'Its secret was encrypted to it; null: revealed once.' }),
    fetchedAt: time.nullable().meta({ description: 'When its age file was first fetched.' }),
    acknowledgedAt: time.nullable(),
    acknowledgedBy: z.string().nullable(),
    pickedUp: z.boolean().meta({ description: 'Whether it was revealed or its age file acknowledged.' }),
    fingerprint: z.string().meta({ description: 'SHA-256 of the whole key, in hex.' }),
    lastUsedAt: time.nullable(),
    lastNetwork: z.string().nullable(),
    accepted: z.boolean().meta({ description: 'Whether verify accepts it at this moment.' }),
  })
  .meta({ id: 'Version' })

export const key = z
  .object({
    id: z.string(),
    serviceId: z.string(),
    kind,
    name: z.string(),
    description: z.string(),
    permission,
    ipRanges: z.array(z.string()),
    datasets: z.array(z.string()),
    enabled: z.boolean(),
    createdAt: time,
    expiresAt: time.nullable().meta({ description: 'When it ends by itself, whichever version it has.' }),
    rotationRef: z.string().nullable().meta({ description: 'The live rotation the key is in.' }),
    versions: z.array(version).meta({ description: 'The newest first.' }),
  })
  .meta({ id: 'Key' })

export const service = z
  .object({
    id: z.string(),
    organisationId: z.string(),
    name: z.string(),
    environment,
    selfService: z.boolean(),
    ageRecipient: z.string().nullable().meta({ description: 'New keys are encrypted to it; null: shown once.' }),
    createdAt: time,
    keyCount: z.int(),
    keys: z.array(key).meta({ description: 'The first 100; the others by /v1/services/{id}/keys.' }),
  })
  .meta({ id: 'Service' })

export const receipt = z
  .object({
    versionId: z.string(),
    at: time,
    by: z.object({ id: z.string(), name: z.string() }),
    fingerprint: z.string().meta({ description: 'SHA-256 of the whole key, in hex: printf %s "$KEY" | sha256sum' }),
  })
  .meta({ id: 'Receipt' })

export const stoppedKeys = z.object({ keyIds: z.array(z.string()) }).meta({ id: 'StoppedKeys' })

export const reissued = z.object({ versionId: z.string() }).meta({ id: 'Reissued' })

export const secret = z.object({ secret: z.string() }).meta({ id: 'Secret' })

export const verification = z
  .object({
    valid: z.boolean(),
    code: z.enum(VERDICT_CODES).meta({ description: 'The first that applies, in this order.' }),
    keyId: z.string().nullable(),
    versionId: z.string().nullable(),
    serviceId: z.string().nullable(),
    organisationId: z.string().nullable(),
    kind: kind.nullable(),
    environment: environment.nullable(),
    permission: permission.nullable(),
    datasets: z.array(z.string()),
    expiresAt: time.nullable(),
    rotation: z
      .object({ role: z.enum(['old', 'new']), ref: z.string(), retiresAt: time, successorVersionId: z.string() })
      .nullable()
      .meta({ description: 'Null outside an overlap.' }),
    headers: z
      .object({ Deprecation: z.string(), Sunset: z.string() })
      .nullable()
      .meta({ description: 'For the old version alone; pass them on to the client.' }),
  })
  .meta({ id: 'Verification' })
