/** Columns that every mail program shows without scrolling or breaking (RFC 3676, 4.2). */
const COLUMNS = 74

/** What the following lines of a paragraph begin with: a quote's mark, or as many spaces as stand before the text. */
function hanging(line: string): string {
  if (line.startsWith('> ')) return '> '
  const lead = /^( *)([-*] |\d+\. )?/.exec(line)?.[0] ?? ''
  return ' '.repeat(lead.length)
}

function wrapLine(line: string): string {
  const indent = hanging(line)
  const lines: string[] = []
  let current = ''
  for (const word of line.slice(indent.length).split(' ')) {
    if (current !== '' && indent.length + current.length + 1 + word.length > COLUMNS) {
      lines.push(current)
      current = word
    } else {
      current = current === '' ? word : `${current} ${word}`
    }
  }
  lines.push(current)
  return lines.map((part, index) => (index === 0 ? line.slice(0, indent.length) : indent) + part).join('\n')
}

/**
 * Plain text with lines of at most 74 characters, never breaking a word (so never a link). Indents, list marks and quotes
 * hang; more than one empty line in a row becomes one.
 */
export function wrapText(text: string): string {
  const lines = text.split('\n').map((line) => line.trimEnd())
  const wrapped = lines.map((line) => (line.length > COLUMNS ? wrapLine(line) : line)).join('\n')
  return `${wrapped.replace(/\n{3,}/g, '\n\n').trim()}\n`
}
