import { oneLine } from '../rules/text/foreign-text.ts'
import { count } from '../rules/text/words.ts'
import type { LetterContent } from './kinds/content.ts'
import type { RotationFacts } from './kinds/rotation.ts'
import { needsAction } from './view/action.ts'
import { noticeWords } from './view/words.ts'

const MAX_TITLE = 80

/**
 * In brackets, because that is what mail programs leave out of account when they compare subjects: Gmail ignores text in square
 * brackets, and a "base subject" has no leading `[…]` (RFC 5256, 2.1). "Action needed: " without them would take the letter out of
 * its conversation.
 */
const ACTION_NEEDED = '[Action needed] '
const TEST = '[Test] '

function shortened(text: string): string {
  const characters = [...text]
  return characters.length <= MAX_TITLE ? text : `${characters.slice(0, MAX_TITLE - 1).join('')}…`
}

/** What stays the same in the subjects of all letters about a rotation, whatever stands before it. */
export function stableSubject({ ref, title }: Pick<RotationFacts, 'ref' | 'title'>): string {
  return `[${ref}] Key rotation: ${shortened(oneLine(title))}`
}

function subjectWithin(letter: LetterContent): string {
  switch (letter.kind) {
    case 'invitation':
      return `${ACTION_NEEDED}Your invitation to ${shortened(oneLine(letter.facts.organisation ?? 'the support desk'))}`
    case 'account-locked':
      return `${ACTION_NEEDED}Your account is locked`
    case 'password-reset':
      return 'Set a new password'
    case 'email-change':
      return `${ACTION_NEEDED}Confirm your new email address`
    case 'lost-access':
      return `${ACTION_NEEDED}Did you lose your access?`
    case 'access-link':
      return `${ACTION_NEEDED}Get your access back`
    case 'security-notice':
      return `Security notice: ${noticeWords(letter.facts)}`
    case 'digest': {
      const { rows, more } = letter.facts
      const number = rows.length + more
      return `${ACTION_NEEDED}${count(number, 'thing')} ${number === 1 ? 'waits' : 'wait'} for you`
    }
    default:
      return `${needsAction(letter.kind, letter.facts) ? ACTION_NEEDED : ''}${stableSubject(letter.facts)}`
  }
}

/** One subject for all letters of a rotation, so that they make one thread, with a mark before it where the reader has to act. */
export function subjectOf(letter: LetterContent): string {
  return letter.facts.test === true ? `${TEST}${subjectWithin(letter)}` : subjectWithin(letter)
}
