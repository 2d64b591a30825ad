import { cleanRanges, rangesWithin } from '../../rules/keys/addresses.ts'
import type { PersonActor } from '../../rules/permissions.ts'
import { type FieldError, Refusal } from '../../rules/refusals.ts'
import { cleanName, nameProblem } from '../../rules/text/names.ts'
import { isScope, mayHandOn, SCOPES, type Scope, unattendedScopesProblem } from '../../rules/token-scopes.ts'

const MAX_DAYS = 365
export const MAX_UNATTENDED_DAYS = 90

export type NewPersonalToken = {
  name: string
  expiresAt: Date
  /** None: everything that the person may do. */
  scopes?: readonly string[] | undefined
  /** Does what its scopes name without a step-up; owners only. */
  unattended?: boolean | undefined
  /** Where calls with it may come from; anywhere when there are none. */
  ipRanges?: readonly string[] | undefined
}
export type CheckedToken = {
  name: string
  expiresAt: Date
  scopes: Scope[]
  unattended: boolean
  ipRanges: string[]
}

function endProblem(expiresAt: Date, unattended: boolean, now: Date): string | null {
  const most = unattended ? MAX_UNATTENDED_DAYS : MAX_DAYS
  const days = (expiresAt.getTime() - now.getTime()) / 86_400_000
  if (days > 0 && days <= most) return null
  return `Choose an end at most ${most} days from now.`
}

function scopesProblem(scopes: readonly string[], unattended: boolean): string | null {
  const unknown = scopes.find((scope) => !isScope(scope))
  if (unknown !== undefined) return `There is no scope “${unknown.slice(0, 64)}”. Choose from ${SCOPES.join(', ')}.`
  return unattended ? unattendedScopesProblem(scopes) : null
}

/**
 * The token as it will be stored. Refuses NOT_ALLOWED where somebody else than an owner wants an unattended one,
 * NOT_IN_SCOPE for more than the token that makes it may do, and INVALID_REQUEST with every field that can't be.
 */
export function checkNewToken(actor: PersonActor, input: NewPersonalToken, now: Date): CheckedToken {
  const { expiresAt, unattended = false } = input
  const scopes = [...new Set(input.scopes ?? [])]
  if (unattended && actor.role !== 'owner') {
    throw new Refusal('NOT_ALLOWED', { detail: 'Only owners make unattended tokens.' })
  }
  if (!mayHandOn(actor.token, scopes)) throw new Refusal('NOT_IN_SCOPE')
  const name = cleanName(input.name)
  const cleaned = cleanRanges(input.ipRanges ?? [])
  const errors: FieldError[] = []
  const add = (pointer: string, message: string | null) => {
    if (message !== null) errors.push({ pointer, message })
  }
  add('/name', nameProblem(input.name))
  add('/expiresAt', endProblem(expiresAt, unattended, now))
  add('/scopes', scopesProblem(scopes, unattended))
  if ('problem' in cleaned) add('/ipRanges', cleaned.problem)
  else if (unattended && cleaned.ranges.length === 0) {
    add('/ipRanges', 'Say which addresses the machine calls from.')
  } else if (!rangesWithin(cleaned.ranges, actor.token?.ipRanges ?? [])) {
    add('/ipRanges', 'A token makes none that may be used from other addresses than itself.')
  }
  if (name === null || 'problem' in cleaned || errors.length > 0) throw new Refusal('INVALID_REQUEST', { errors })
  return { name, expiresAt, scopes: scopes.filter(isScope), unattended, ipRanges: cleaned.ranges }
}
