import type { Figure } from '../../../database/queue/filter.ts'
import type { ReportRow } from '../../../database/reports.ts'
import { queryOf } from '../queue/address.ts'
import { shortDuration } from './durations.ts'

/** What is measured in time, with the list of those that were. */
export const TIMES = [
  {
    title: 'First response',
    hint: 'From filing to the first answer, question or decision of an agent.',
    figure: 'responded',
    median: 'firstResponseMedianSeconds',
    p90: 'firstResponseP90Seconds',
  },
  {
    title: 'Decision',
    hint: 'From filing to approval or rejection.',
    figure: 'decided',
    median: 'decisionMedianSeconds',
    p90: 'decisionP90Seconds',
  },
  {
    title: 'Approval to keys',
    hint: 'From the approval, or the start that was asked for, to the first new key.',
    figure: 'generated',
    median: 'keysMedianSeconds',
    p90: 'keysP90Seconds',
  },
] as const satisfies readonly {
  title: string
  hint: string
  figure: Figure
  median: keyof ReportRow
  p90: keyof ReportRow
}[]

/** What is counted. */
export const COUNTS = [
  { title: 'With a failed key', figure: 'failed' },
  { title: 'Rolled back', figure: 'rolledBack' },
  { title: 'Extended', figure: 'extended' },
] as const satisfies readonly { title: string; figure: Figure & keyof ReportRow }[]

function listHref(row: Pick<ReportRow, 'month' | 'organisationId'>, figures: readonly Figure[]): string {
  const address = {
    view: 'all',
    q: '',
    assignee: '',
    organisation: row.organisationId,
    filed: row.month,
    figures,
  } as const
  return `/queue?${queryOf(address)}`
}

type Cell = { label: string; text: string; href: string | null }

function duration(label: string, seconds: number | null, href: string): Cell {
  return seconds === null ? { label, text: '–', href: null } : { label, text: shortDuration(seconds), href }
}

/** A row of figures, each with the way to the rotations behind it. */
export function figureCells(row: ReportRow): Cell[] {
  return [
    { label: 'Filed', text: String(row.filed), href: listHref(row, []) },
    ...TIMES.flatMap(({ title, figure, median, p90 }) => [
      duration(`${title}, median`, row[median], listHref(row, [figure])),
      duration(`${title}, 90th percentile`, row[p90], listHref(row, [figure])),
    ]),
    ...COUNTS.map(({ title, figure }) => ({
      label: title,
      text: String(row[figure]),
      href: row[figure] === 0 ? null : listHref(row, [figure]),
    })),
  ]
}
