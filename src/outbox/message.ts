import type { SendMailOptions } from 'nodemailer'
import type { LetterRow } from '../database/letters/queue.ts'
import { oneLine } from '../rules/text/foreign-text.ts'
import { cleanEmail } from '../rules/text/names.ts'
import { BadLetter } from './failures.ts'
import { type LetterContent, readContent } from './kinds/content.ts'
import { type RenderedLetter, renderLetter } from './render.ts'
import { threadOf } from './threads.ts'
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

/** The recipient as an object, never as text that could name a second one. Throws `BadLetter` for what is no plain address. */
function recipient(letter: LetterRow): { name: string; address: string } {
  if (cleanEmail(letter.toAddress) !== letter.toAddress) {
    throw new BadLetter('The address is not one that a letter can be sent to')
  }
  return { name: oneLine(letter.toName), address: letter.toAddress }
}

type Written = { content: LetterContent; rendered: RenderedLetter }

function write(letter: LetterRow, sender: Sender): Written {
  try {
    const content = readContent(letter)
    return { content, rendered: renderLetter(content, letter.toName, sender) }
  } catch (error) {
    throw new BadLetter(`The letter cannot be written: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** The message as it goes to the mail server: the same for every delivery of the row. Throws `BadLetter`. */
export function composeMessage(letter: LetterRow, sender: Sender): SendMailOptions {
  const { content, rendered } = write(letter, sender)
  const thread = letter.thread === null ? null : threadOf(letter.thread, content, domainOf(sender))
  return {
    from: { name: DESK_NAME, address: sender.mailFrom },
    to: recipient(letter),
    ...(sender.mailReplyTo === undefined ? {} : { replyTo: { name: '', address: sender.mailReplyTo } }),
    ...rendered,
    messageId: messageIdOf(letter, sender),
    ...(thread === null ? {} : { inReplyTo: thread.root, references: [thread.root] }),
    date: letter.createdAt,
    list: { id: { url: `letters.${domainOf(sender)}`, comment: DESK_NAME } },
    // RFC 3834, 5: no auto-responder answers; the second is what Exchange goes by
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All', ...thread?.headers },
    xMailer: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}
