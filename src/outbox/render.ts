import { oneLine } from '../rules/text/foreign-text.ts'
import { fill } from './compile.ts'
import type { LetterContent, RotationFacts, RotationLetterKind } from './letters.ts'
import { type Letterhead, letterView, noticeWords } from './view.ts'
import { wrapText } from './wrap.ts'

const MAX_TITLE = 80

export type RenderedLetter = { subject: string; text: string; html: string }

function shortened(text: string): string {
  const characters = [...text]
  return characters.length <= MAX_TITLE ? text : `${characters.slice(0, MAX_TITLE - 1).join('')}…`
}

function needsAction(kind: RotationLetterKind, facts: RotationFacts): boolean {
  return kind === 'approval-needed' || (kind === 'new-keys-ready' && facts.mayReveal !== false)
}

/** One subject for all letters of a rotation, so that they make one thread, and a prefix where the reader has to act. */
function subjectOf(letter: LetterContent): string {
  if (letter.kind === 'invitation') {
    const place = letter.facts.organisation ?? 'the support desk'
    return `Action needed: Your invitation to ${shortened(oneLine(place))}`
  }
  if (letter.kind === 'account-locked') return 'Action needed: Your account is locked'
  if (letter.kind === 'password-reset') return 'Set a new password'
  if (letter.kind === 'email-change') return 'Confirm your new email address'
  if (letter.kind === 'security-notice') return `Security notice: ${noticeWords(letter.facts.notice)}`
  const stable = `[${letter.facts.ref}] Key rotation: ${shortened(oneLine(letter.facts.title))}`
  return needsAction(letter.kind, letter.facts) ? `Action needed: ${stable}` : stable
}

/** Subject, plain text (the master) and HTML of a letter; both parts tell the same facts. */
export function renderLetter(letter: LetterContent, toName: string, letterhead: Letterhead): RenderedLetter {
  const subject = subjectOf(letter)
  const text = fill(letter.kind, 'text', { ...letterView(letter, toName, letterhead, 'text'), subject })
  const html = fill(letter.kind, 'html', { ...letterView(letter, toName, letterhead, 'html'), subject })
  return { subject, text: wrapText(text), html }
}
