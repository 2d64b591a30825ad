import { createHash } from 'node:crypto'
import type { SendMailOptions } from 'nodemailer'
import type { LetterRow } from '../database/letters/queue.ts'
import { oneLine } from '../rules/text/foreign-text.ts'
import { cleanEmail } from '../rules/text/names.ts'
import { BadLetter } from './failures.ts'
import { readContent } from './kinds/content.ts'
import { type RenderedLetter, renderLetter } from './render.ts'
import type { Letterhead } from './view.ts'

/** Who the desk is to a mail server and to its readers. */
export type Sender = Letterhead & {
  /** The address that letters come from. */
  mailFrom: string
}

const DESK_NAME = 'Rekey'

function domainOf(sender: Sender): string {
  return sender.mailFrom.slice(sender.mailFrom.lastIndexOf('@') + 1)
}

/** The same Message-ID for every delivery of a letter (RFC 5322, 3.6.4). */
function messageIdOf(letter: Pick<LetterRow, 'messageId'>, sender: Sender): string {
  return `<${letter.messageId}@${domainOf(sender)}>`
}

/** The Message-ID that all letters of a rotation answer to; no letter carries it, it only ties them together. */
function threadIdOf(thread: string, sender: Sender): string {
  const name = createHash('sha256').update(thread).digest('hex').slice(0, 16)
  return `<${thread.toLowerCase()}.${name}@${domainOf(sender)}>`
}

/** The recipient as an object, never as text that could name a second one. Throws `BadLetter` for what is no plain address. */
function recipient(letter: LetterRow): { name: string; address: string } {
  if (cleanEmail(letter.toAddress) !== letter.toAddress) {
    throw new BadLetter('The address is not one that a letter can be sent to')
  }
  return { name: oneLine(letter.toName), address: letter.toAddress }
}

function rendered(letter: LetterRow, sender: Sender): RenderedLetter {
  try {
    return renderLetter(readContent(letter), letter.toName, sender)
  } catch (error) {
    throw new BadLetter(`The letter cannot be written: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** The message as it goes to the mail server: the same for every delivery of the row. Throws `BadLetter`. */
export function composeMessage(letter: LetterRow, sender: Sender): SendMailOptions {
  const root = letter.thread === null ? undefined : threadIdOf(letter.thread, sender)
  return {
    from: { name: DESK_NAME, address: sender.mailFrom },
    to: recipient(letter),
    ...(sender.mailReplyTo === undefined ? {} : { replyTo: { name: '', address: sender.mailReplyTo } }),
    ...rendered(letter, sender),
    messageId: messageIdOf(letter, sender),
    ...(root === undefined ? {} : { inReplyTo: root, references: [root] }),
    date: letter.createdAt,
    list: { id: { url: `letters.${domainOf(sender)}`, comment: DESK_NAME } },
    // RFC 3834, 5: no auto-responder answers; the second is what Exchange goes by
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    xMailer: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}
