import type { DependantView } from '../../database/dependants/dependants.ts'
import type { TaskView } from '../../database/dependants/tasks.ts'
import type { ItemView } from '../../database/rotations/items.ts'
import { DEPENDANT_WORDS, fateOf, type Occasion } from '../../rules/keys/dependants.ts'
import { count } from '../../rules/text/words.ts'
import { shownTimeOrNull } from './times.ts'

/** A dependant as a list shows it. */
export function dependantRow({ id, type, name, exactKey }: DependantView) {
  const boundWord = exactKey
    ? 'holds the very key: it has to be given each new one'
    : 'bound to the key: a new one changes nothing'
  return { id, name, typeWord: DEPENDANT_WORDS[type], boundWord }
}

function fateRow(dependant: DependantView, occasion: Occasion) {
  const { becomes, words } = fateOf(dependant, occasion)
  return { name: dependant.name, typeWord: DEPENDANT_WORDS[dependant.type], words, serious: becomes !== 'stays' }
}

/** What becomes of what depends on keys, key by key; null when nothing does. A key's `label` is left out where it is clear which is meant. */
export function shownFates(
  dependants: readonly DependantView[],
  keys: readonly { id: string; label?: string }[],
  occasion: Occasion,
) {
  const groups = keys.map(({ id, label }) => ({
    label: label ?? null,
    rows: dependants.filter(({ keyId }) => keyId === id).map((dependant) => fateRow(dependant, occasion)),
  }))
  const bound = groups.filter(({ rows }) => rows.length > 0)
  if (bound.length === 0) return null
  const isRotation = occasion === 'rotate' || occasion === 'rotate_at_once'
  const tasks = isRotation && bound.some(({ rows }) => rows.some(({ serious }) => serious))
  return { groups: bound, tasks }
}
export type ShownFates = ReturnType<typeof shownFates>

function taskWords(task: TaskView, oldStopped: boolean): string {
  if (task.state === 'done') return 'has the new key.'
  if (task.state === 'to_undo') return 'was given the new key, which is deleted. Give it the old one again.'
  return oldStopped
    ? 'still holds the old key, which has stopped. Give it the new one.'
    : 'still holds the old key. Give it the new one before the old one stops.'
}

const TICK_WORDS = {
  to_do: { holds: 'new', label: 'It has the new key' },
  done: { holds: 'old', label: 'It has the old key still' },
  to_undo: { holds: 'old', label: 'It has the old key again' },
} as const

/** The tasks of an item, each with the one thing that can be said of it by those who may. */
export function shownTasks(item: ItemView, oldStopped: boolean, mayTick: boolean, timeZone: string) {
  return item.tasks.map((task) => ({
    id: task.id,
    name: task.name,
    typeWord: DEPENDANT_WORDS[task.type],
    words: taskWords(task, oldStopped),
    open: task.state !== 'done',
    doneBy: task.state === 'done' ? (task.doneBy?.name ?? null) : null,
    doneAt: task.state === 'done' ? shownTimeOrNull(task.doneAt, timeZone) : null,
    tick: mayTick ? TICK_WORDS[task.state] : null,
  }))
}

/** "2 things still hold the old key." of a rotation's items, with a space before it; empty when nothing is open. */
export function openTasksSentence(items: readonly ItemView[]): string {
  const states = items.flatMap(({ tasks }) => tasks).map(({ state }) => state)
  const toDo = states.filter((state) => state === 'to_do').length
  const toUndo = states.filter((state) => state === 'to_undo').length
  const first = toDo === 0 ? '' : ` ${count(toDo, 'dependant')} still to be given the new key.`
  return toUndo === 0 ? first : `${first} ${count(toUndo, 'dependant')} to be given the old key again.`
}
