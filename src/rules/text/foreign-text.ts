/** Letters that are written from right to left, which can reorder the text around them. */
const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u

/**
 * One line of foreign text that can be shown beside ours: NFC, without control and format characters (which hide text,
 * break lines or turn the direction of what follows), white space made single. (ASVS 5.0, 1.1.1)
 */
export function oneLine(text: string): string {
  const visible = text.replace(/\p{Cf}|\p{Cs}|\p{Co}/gu, '')
  return visible
    .normalize('NFC')
    .replace(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
}

/** The same for text of several lines: its line ends stay, as `\n`. */
export function severalLines(text: string): string {
  return text
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map(oneLine)
    .join('\n')
    .trim()
}

/** Foreign text for plain text, isolated where it is written from right to left; in HTML `<bdi>` does this. */
export function isolated(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text
}

/** The last 6 characters of an id, shown beside a name because two names can look the same. */
export function shortId(id: string): string {
  return id.slice(-6)
}
