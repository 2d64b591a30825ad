import { containsSecret } from '../keys/secret-text.ts'
import { REFUSALS, Refusal } from '../refusals.ts'

const MAX_NAME_LENGTH = 100
const MAX_EMAIL_LENGTH = 254

export const NAME_PROBLEM = 'Enter a name of 1 to 100 visible characters.'
export const EMAIL_PROBLEM = 'Enter one email address, such as ada@example.com.'

// Control, format (bidirectional marks, zero-width characters), surrogate, private-use and unassigned characters, and
// line and paragraph separators: what makes one name look like another or breaks a line.
const CONFUSING = /[\p{C}\p{Zl}\p{Zp}]/u

/**
 * A name as it is stored: NFC, no space around it or in a row. Null when it is empty, above 100 characters or holds
 * control or format characters.
 */
export function cleanName(text: string): string | null {
  const name = text
    .normalize('NFC')
    .trim()
    .replaceAll(/\p{Zs}+/gu, ' ')
  const visible = /[\p{L}\p{N}\p{P}\p{S}]/u.test(name)
  return visible && name.length <= MAX_NAME_LENGTH && !CONFUSING.test(name) ? name : null
}

/** What is wrong with a name, as a sentence, or null: none, or one that looks like a key, which would stay on record and go into letters. */
export function nameProblem(text: string): string | null {
  const name = cleanName(text)
  if (name === null) return NAME_PROBLEM
  return containsSecret(name) ? REFUSALS.CONTAINS_SECRET : null
}

/** The name as it is stored. Refuses INVALID_REQUEST, and CONTAINS_SECRET for one that looks like a key. */
export function checkedName(text: string): string {
  const name = cleanName(text)
  const message = nameProblem(text)
  if (name !== null && message === null) return name
  const code = name === null ? 'INVALID_REQUEST' : 'CONTAINS_SECRET'
  throw new Refusal(code, { errors: [{ pointer: '/name', message: message ?? NAME_PROBLEM }] })
}

const LOCAL_PART = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const DOMAIN_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * An address as it is stored and compared: lower case, a dot-atom before the @ (RFC 5322 §3.4.1, so no quotes,
 * comments, commas or line ends) and a host name of at least two labels after it. Null when it is not such an address.
 */
export function cleanEmail(text: string): string | null {
  const email = text.trim().toLowerCase()
  const [local, domain, ...rest] = email.split('@')
  if (local === undefined || domain === undefined || rest.length > 0) return null
  if (email.length > MAX_EMAIL_LENGTH || local.length > 64 || !LOCAL_PART.test(local)) return null
  const labels = domain.split('.')
  return labels.length >= 2 && labels.every((label) => DOMAIN_LABEL.test(label)) ? email : null
}
