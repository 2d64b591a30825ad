import type { Figure } from '../../../database/queue/filter.ts'
import { monthWord } from '../../../rules/text/months.ts'
import { joinWords } from '../../../rules/text/words.ts'
import type { QueueAddress } from './address.ts'

const FIGURE_WORDS: Readonly<Record<Figure, string>> = {
  responded: 'with a first response',
  decided: 'decided',
  generated: 'with new keys made',
  failed: 'in which a key failed',
  rolledBack: 'with a key rolled back',
  extended: 'with more time given',
}

/** What a list is narrowed to, in words, or null when it is to nothing: "filed in November 2026 (UTC) and decided". */
export function filterWords(address: QueueAddress, organisation: string | null): string | null {
  const { q, assignee, filed, figures } = address
  const people: Readonly<Record<string, string>> = { '': '', me: 'yours', nobody: 'nobody’s' }
  const words = [
    q === '' ? '' : `found by “${q}”`,
    people[assignee] ?? 'a colleague’s',
    address.organisation === '' ? '' : `of ${organisation ?? 'an organisation that is not there'}`,
    filed === '' ? '' : `filed in ${monthWord(filed)} (UTC)`,
    ...figures.map((figure) => FIGURE_WORDS[figure]),
  ].filter((word) => word !== '')
  return words.length === 0 ? null : joinWords(words)
}
