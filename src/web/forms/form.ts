import type { z } from 'zod'
import { Refusal, type RefusalCode } from '../../rules/refusals.ts'
import type { WebContext } from '../context.ts'

/** What is wrong, by the name of the field; under `''` what concerns the form as a whole. In the order to be shown. */
export type Problems = Readonly<Record<string, string>>
/** What was typed, to be shown again. */
export type Typed = Readonly<Record<string, string>>

export type Form<T> = { typed: Typed } & ({ values: T; problems: null } | { values: null; problems: Problems })

function firstMessages(issues: readonly z.core.$ZodIssue[]): Problems {
  const problems: Record<string, string> = {}
  for (const issue of issues) problems[String(issue.path[0] ?? '')] ??= issue.message
  return problems
}

type Sent = Awaited<ReturnType<typeof parse>>

function parse(c: WebContext) {
  return c.req.parseBody({ all: true })
}

function holdsNul(value: Sent[string]): boolean {
  return Array.isArray(value) ? value.some(holdsNul) : typeof value === 'string' && value.includes('\0')
}

/** What was sent as a form. Refuses INVALID_REQUEST for a broken one, and for NUL, which no browser sends and no table keeps. */
async function sentForm(c: WebContext): Promise<Sent> {
  const sent = await parse(c).catch(() => {
    throw new Refusal('INVALID_REQUEST')
  })
  if (Object.values(sent).some(holdsNul)) throw new Refusal('INVALID_REQUEST')
  return sent
}

/** Reads what a form sent. Fields that the schema doesn't name are ignored; `typed` keeps every text for showing it again. */
export async function readForm<T>(c: WebContext, schema: z.ZodType<T>): Promise<Form<T>> {
  const sent = await sentForm(c)
  const typed: Record<string, string> = {}
  for (const [name, value] of Object.entries(sent)) if (typeof value === 'string') typed[name] = value
  const parsed = schema.safeParse(sent)
  if (parsed.success) return { typed, values: parsed.data, problems: null }
  return { typed, values: null, problems: firstMessages(parsed.error.issues) }
}

/** Every text that a form sent under a name: what was ticked of several. */
export async function textsOf(c: WebContext, name: string): Promise<string[]> {
  const sent = (await sentForm(c))[name]
  const values = Array.isArray(sent) ? sent : [sent]
  return values.filter((value) => typeof value === 'string')
}

/** `/owner/email` is the field `ownerEmail`. */
function fieldOf(pointer: string): string {
  const [first = '', ...rest] = pointer.split('/').slice(1)
  return first + rest.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join('')
}

const CODE_FIELD: Partial<Record<RefusalCode, string>> = {
  STEP_UP_REQUIRED: 'code',
  CODE_REJECTED: 'code',
  CODE_LOCKED: 'code',
}
const ENTER_A_CODE = 'Enter the 6 digits that your authenticator app shows now.'

/** A refusal as problems of the form that led to it, or null when no field of it can mend that. */
function problemsOf(refusal: Refusal, fields: Partial<Record<RefusalCode, string>> = {}): Problems | null {
  if (refusal.errors.length > 0) {
    return Object.fromEntries(refusal.errors.map((error) => [fieldOf(error.pointer), error.message]))
  }
  const field = CODE_FIELD[refusal.code] ?? fields[refusal.code]
  if (field === undefined) return null
  return { [field]: refusal.code === 'STEP_UP_REQUIRED' ? ENTER_A_CODE : refusal.message }
}

/** Runs what a form asks for; a refusal that a field can mend leads back to the form, any other to an error page. */
export async function orAskAgain(
  run: () => Promise<Response>,
  askAgain: (problems: Problems) => Promise<Response>,
  fields: Partial<Record<RefusalCode, string>> = {},
): Promise<Response> {
  try {
    return await run()
  } catch (error) {
    const problems = error instanceof Refusal ? problemsOf(error, fields) : null
    if (problems === null) throw error
    return askAgain(problems)
  }
}
