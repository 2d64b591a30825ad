import { scaleLinear, scalePoint } from 'd3-scale'
import { line } from 'd3-shape'
import type { ReportRow } from '../../../database/reports.ts'
import { shortDuration } from './durations.ts'
import { COUNTS, TIMES } from './figures.ts'

const WIDTH = 560
const HEIGHT = 220
const EDGE = { left: 56, right: 12, top: 12, bottom: 28 }
const GRID_LINES = 4
/** Steps that people read times in. */
const TIME_STEPS = [1, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 172_800, 432_000]

type Series = { name: string; style: string; values: readonly (number | null)[] }
type Dot = { x: string; y: string; title: string }

function stepFor(most: number): number {
  return TIME_STEPS.find((step) => step * GRID_LINES >= most) ?? Math.ceil(most / GRID_LINES / 432_000) * 432_000
}

/** Where the grid lines are: round numbers, or round times. */
function gridOf(most: number, ofTime: boolean): number[] {
  const step = ofTime ? stepFor(most) : Math.max(1, Math.ceil(most / GRID_LINES))
  return Array.from({ length: GRID_LINES + 1 }, (_, i) => i * step)
}

function shortMonth(month: string): string {
  const date = new Date(`${month}-01T00:00:00Z`)
  return new Intl.DateTimeFormat('en-GB', { month: 'short', timeZone: 'UTC' }).format(date)
}

/** Lines over months as the template draws them; the tables tell the same to those who can't see it. */
function plot(title: string, hint: string, months: readonly string[], series: readonly Series[], ofTime: boolean) {
  const most = Math.max(1, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)))
  const grid = gridOf(most, ofTime)
  const word = (value: number) => (ofTime ? shortDuration(value) : String(value))
  const x = scalePoint(months, [EDGE.left, WIDTH - EDGE.right]).padding(0.3)
  const y = scaleLinear([0, grid.at(-1) ?? 1], [HEIGHT - EDGE.bottom, EDGE.top])
  const at = (i: number) => x(months[i] ?? '') ?? 0
  const path = line<number | null>(
    (_value, i) => at(i),
    (value) => y(value ?? 0),
  ).defined((value) => value !== null)
  const dots = ({ name, values }: Series): Dot[] =>
    values.flatMap((value, i) =>
      value === null
        ? []
        : [
            {
              x: at(i).toFixed(1),
              y: y(value).toFixed(1),
              title: `${shortMonth(months[i] ?? '')}: ${name} ${word(value)}`,
            },
          ],
    )
  return {
    title,
    hint,
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    label: `${title} by month: ${series.map(({ name }) => name).join(', ')}. The table below has the figures.`,
    left: String(EDGE.left),
    right: String(WIDTH - EDGE.right),
    grid: grid.map((value) => ({
      y: y(value).toFixed(1),
      textX: String(EDGE.left - 8),
      text: value === 0 ? '0' : word(value),
    })),
    months: months.map((month, i) => ({
      x: at(i).toFixed(1),
      y: String(HEIGHT - 8),
      text: shortMonth(month),
      between: i % 2 === 0,
    })),
    series: series.map((each) => ({
      name: each.name,
      style: each.style,
      path: path(each.values) ?? '',
      dots: dots(each),
    })),
  }
}

/** The plots of a report: a line for each percentile of what is measured, and one for each thing that is counted. */
export function plotsOf(months: readonly string[], rows: readonly ReportRow[]) {
  const byMonth = new Map(rows.map((row) => [row.month, row]))
  const values = <K extends keyof ReportRow>(name: K, none: ReportRow[K]) =>
    months.map((month) => byMonth.get(month)?.[name] ?? none)
  const times = TIMES.map(({ title, hint, median, p90 }) => {
    const series = [
      { name: 'median', style: 'line-1', values: values(median, null) },
      { name: '90th percentile', style: 'line-2', values: values(p90, null) },
    ]
    return plot(title, hint, months, series, true)
  })
  const counted = COUNTS.map(({ title, figure }, i) => ({
    name: title.toLowerCase(),
    style: `line-${i + 1}`,
    values: values(figure, 0),
  }))
  return [...times, plot('What went another way', 'Requests, by the month they were filed in.', months, counted, false)]
}
