const FIELD = /\s*(?:"((?:[^"]|"")*)"\s*|([^",]*))(,|$)/y

/** The fields of one record that stands on one line (RFC 4180). Null when a quotation mark isn't closed or stands where none may. */
export function csvFields(line: string): string[] | null {
  const text = line.replace(/\r$/, '')
  const fields: string[] = []
  FIELD.lastIndex = 0
  for (;;) {
    const found = FIELD.exec(text)
    if (found === null) return null
    fields.push(found[1] === undefined ? (found[2] ?? '').trim() : found[1].replaceAll('""', '"'))
    if (found[3] === '') return fields
  }
}
