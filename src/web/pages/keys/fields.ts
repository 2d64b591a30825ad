import { z } from 'zod'
import { findDatasetNames } from '../../../database/keys/datasets.ts'
import type { ServiceView } from '../../../database/keys/services.ts'
import type { KeyFields } from '../../../rules/keys/key-fields.ts'
import { PERMISSIONS } from '../../../rules/keys/verdict.ts'
import { PERMISSION_WORDS } from '../../../rules/text/words.ts'
import type { WebContext } from '../../context.ts'
import type { Problems, Typed } from '../../forms/form.ts'

/** One entry a line; commas part them too. */
function linesOf(text: string): string[] {
  return text
    .split(/[\n\r,]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

const lines = z.string().max(20_000, 'Use at most 20000 characters.').default('').transform(linesOf)
const many = z.preprocess(
  (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]),
  z.array(z.string()).max(1_000, 'Choose fewer.'),
)

/** What the forms about a key send of its fields; datasets are ticked, and new ones written. */
export const keyForm = z
  .object({
    name: z.string().trim().min(1, 'Enter a name.').max(100, 'Use at most 100 characters.'),
    description: z.string().max(2_000, 'Use at most 500 characters.').default(''),
    permission: z.enum(PERMISSIONS, 'Say what it may do.'),
    ipRanges: lines,
    datasets: many,
    newDatasets: lines,
  })
  .transform(({ datasets, newDatasets, ...fields }) => ({ ...fields, datasets: [...datasets, ...newDatasets] }))

/** What a form about a key shows: as the key is, or as it was typed. */
export type KeyForm = { typed: Typed; datasets: readonly string[] }

export function formOf(key: KeyFields): KeyForm {
  const { name, description, permission, ipRanges, datasets } = key
  return { typed: { name, description, permission, ipRanges: ipRanges.join('\n') }, datasets }
}

/** Names of datasets are mended where new ones are written, whichever they came from. */
export function problemsShown({ datasets, ...problems }: Problems): Problems {
  return datasets === undefined ? problems : { ...problems, newDatasets: datasets }
}

/** The fields of a key for its form, with the datasets that the service has to choose from. */
export async function fieldFacts(c: WebContext, service: ServiceView, { typed, datasets }: KeyForm) {
  const known = await findDatasetNames(c.get('desk').db, service.id)
  return {
    values: typed,
    permissions: PERMISSIONS.map((value, i) => ({
      value,
      id: i === 0 ? 'permission' : `permission-${value}`,
      label: PERMISSION_WORDS[value],
      checked: typed.permission === value,
    })),
    datasets: known.map((name, i) => ({ name, id: `datasets-${i}`, checked: datasets.includes(name) })),
  }
}
