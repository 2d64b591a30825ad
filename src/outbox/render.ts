import { fill } from './compile.ts'
import type { LetterContent } from './kinds/content.ts'
import { subjectOf } from './subject.ts'
import { type Letterhead, letterView } from './view.ts'
import { wrapText } from './wrap.ts'

export type RenderedLetter = { subject: string; text: string; html: string }

/** Subject, plain text (the master) and HTML of a letter; both parts tell the same facts. */
export function renderLetter(letter: LetterContent, toName: string, letterhead: Letterhead): RenderedLetter {
  const subject = subjectOf(letter)
  const text = fill(letter.kind, 'text', { ...letterView(letter, toName, letterhead, 'text'), subject })
  const html = fill(letter.kind, 'html', { ...letterView(letter, toName, letterhead, 'html'), subject })
  return { subject, text: wrapText(text), html }
}
