const UNITS: readonly (readonly [seconds: number, unit: string])[] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
]

/** A measured time, short, with two digits that count: "40 s", "12 min", "3.5 h", "2.1 d". */
export function shortDuration(seconds: number): string {
  const [length, unit] = UNITS.find(([length]) => seconds >= length) ?? [1, 's']
  const number = seconds / length
  return `${number < 10 && length > 60 ? Number(number.toFixed(1)) : Math.round(number)} ${unit}`
}
