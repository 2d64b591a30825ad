import { fc } from '@fast-check/vitest'
import { z } from 'zod'

/** What generated input may name, so that some of it is there. */
export type Known = {
  /** How the ids of what a call is about begin. */
  kind: string
  ids: readonly string[]
  refs: readonly string[]
  byName: Readonly<Record<string, readonly unknown[]>>
}

const ODD_TEXTS = [
  ...['', ' ', '\u0000', 'a\u0000b', '\ud800', '\u202eabc', 'e\u0301', '%00', '%', '\\', "'; drop table key; --"],
  ...['null', '[]', '{"a":1}', '__proto__', 'constructor', '🙂'.repeat(60), 'x'.repeat(101), 'x'.repeat(2_100)],
  ...['Ledger', 'Payments EU', 'Why does it say so?', 'rk_auth_live_0000', '-1', '1e400', '9'.repeat(30)],
]
const TEXTS = ['Ledger', 'Nightly export', 'Why does it say so?', 'Ärger mit dem alten']
const MOMENTS = [
  ...['2026-12-02T08:00:00Z', '2027-01-01T00:00:00.000Z', '2024-02-29T23:59:59+23:59', '0001-01-01T00:00:00Z'],
  ...['0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59-12:00', '1969-12-31T23:59:59Z'],
  ...['2026-02-30T00:00:00Z', '2026-12-02', '+275760-09-13T00:00:00Z', 'tomorrow'],
]
const NUMBERS = [0, 1, 2, 25, 60, 3_600, 86_400, 2_592_000, 2_592_001, 2 ** 31 - 1, 2 ** 31, 2 ** 53, -1, -0, 0.5, 1e21]

const oddText = fc.oneof(fc.constantFrom(...ODD_TEXTS), fc.string({ unit: 'binary', maxLength: 40 }))
/** Whatever JSON can say. */
const anything = fc.oneof(
  oddText,
  fc.constantFrom(...NUMBERS),
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue({ maxDepth: 2 }),
)

type Schema = z.core.JSONSchema.BaseSchema

function isSchema(value: Schema | boolean | undefined): value is Schema {
  return typeof value === 'object'
}

/** What a field of this name usually names: `serviceId` a service, `itemIds` items. */
const KINDS: Readonly<Record<string, string>> = {
  serviceId: 'svc_',
  keyId: 'key_',
  itemIds: 'itm_',
  serviceIds: 'svc_',
  organisationId: 'org_',
  personId: 'per_',
  assigneeId: 'per_',
}

function idOf(known: Known, name: string): fc.Arbitrary<string> {
  const fitting = known.ids.filter((id) => id.startsWith(KINDS[name] ?? known.kind))
  const any = fc.constantFrom(...known.ids, 'svc_unknown', '-', '_'.repeat(64))
  return fitting.length === 0
    ? any
    : fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...fitting) }, { weight: 1, arbitrary: any })
}

function textOf({ pattern = '', format = '' }: Schema, known: Known, name: string): fc.Arbitrary<unknown> {
  if (format === 'date-time') return fc.constantFrom(...MOMENTS)
  if (pattern.startsWith('^ROT-')) return fc.constantFrom(...known.refs, 'ROT-999999', 'ROT-999999999999999')
  if (pattern.startsWith('^[A-Za-z0-9_-]')) return idOf(known, name)
  return fc.oneof(fc.constantFrom(...TEXTS), oddText)
}

function objectOf({ properties = {}, required = [] }: Schema, known: Known): fc.Arbitrary<object> {
  const fields = Object.entries(properties).map(([name, field]) => [name, inputOf(field, known, name)] as const)
  const requiredKeys = required.filter((name) => name in properties)
  const plain = fc.record(Object.fromEntries(fields), { requiredKeys })
  const extended = fc.tuple(plain, oddText, anything).map(([value, name, extra]) => ({ ...value, [name]: extra }))
  return fc.oneof({ weight: 9, arbitrary: plain }, { weight: 1, arbitrary: extended })
}

function fittingOf(schema: Schema, known: Known, name: string): fc.Arbitrary<unknown> {
  const named = known.byName[name]
  if (named !== undefined && schema.type !== 'array')
    return fc.oneof(fc.constantFrom(...named), typedOf(schema, known, name))
  return typedOf(schema, known, name)
}

function typedOf(schema: Schema, known: Known, name: string): fc.Arbitrary<unknown> {
  const either = schema.anyOf ?? schema.oneOf
  if (either !== undefined) return fc.oneof(...either.map((one) => inputOf(one, known, name)))
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  switch (schema.type) {
    case 'object':
      return objectOf(schema, known)
    case 'array': {
      const item = Array.isArray(schema.items) ? schema.items[0] : schema.items
      return fc.array(isSchema(item) ? inputOf(item, known, name) : anything, { maxLength: 3 })
    }
    case 'string':
      return textOf(schema, known, name)
    case 'integer':
    case 'number':
      return fc.constantFrom(...NUMBERS)
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    default:
      return anything
  }
}

function inputOf(schema: Schema | boolean, known: Known, name: string): fc.Arbitrary<unknown> {
  if (!isSchema(schema)) return anything
  const fitting = fittingOf(schema, known, name)
  return fc.oneof({ weight: 24, arbitrary: fitting }, { weight: 1, arbitrary: anything })
}

/** Input that often fits the schema, with what is at its edges, and now and then doesn't. */
export function arbitraryOf(schema: z.ZodType, known: Known): fc.Arbitrary<unknown> {
  const described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' })
  return fittingOf(described, known, '')
}
