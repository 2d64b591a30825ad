/** What a spreadsheet would take for a formula, or skip to find one (OWASP ASVS 5.0, 1.2.10). */
const FORMULA = /^[=+\-@\t\r\0]/

function cell(value: string | number | null): string {
  const text = value === null ? '' : String(value)
  const harmless = typeof value === 'string' && FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/** One record of a CSV file with its line end (RFC 4180). No text in it is a formula to a spreadsheet: a quote stands before what begins like one. */
export function csvLine(values: readonly (string | number | null)[]): string {
  return `${values.map(cell).join(',')}\r\n`
}
