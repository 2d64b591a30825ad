import { Refusal } from '../../src/rules/refusals.ts'

/** What a call was refused with, or 'done'; anything but a refusal is thrown on. */
export async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'done'
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

/** How often each outcome came among calls made at once. */
export async function tally(calls: readonly Promise<unknown>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const name of await Promise.all(calls.map(outcome))) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** The refusal itself, for its sentence and its fields. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('it was not refused')
}
