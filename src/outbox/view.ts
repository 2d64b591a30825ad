import type { Format } from './compile.ts'
import { isAboutRotation, type LetterContent } from './kinds/content.ts'
import { otherView } from './view/account.ts'
import { rotationView } from './view/rotation.ts'
import { nameIn } from './view/text.ts'

/** What a letter shows beside its facts. */
export type Letterhead = {
  /** Origin that the one link begins with. */
  publicUrl: string
  /** Where an answer goes, if anywhere. */
  mailReplyTo: string | undefined
}

function ownView(letter: LetterContent, format: Format): object {
  return isAboutRotation(letter) ? rotationView(letter.kind, letter.facts, format) : otherView(letter, format)
}

/** The one link: `publicUrl` and a path on it. Throws for a path that leads elsewhere, such as `//example.com`. */
function linkTo(path: string, publicUrl: string): string {
  const link = new URL(path, publicUrl)
  if (link.origin !== new URL(publicUrl).origin) throw new Error('the path of the link leads to another site')
  return link.href
}

/** Everything a letter's template shows, as text: the template only places it. */
export function letterView(letter: LetterContent, toName: string, letterhead: Letterhead, format: Format): object {
  return {
    ...ownView(letter, format),
    name: nameIn(format, toName),
    why: nameIn(format, letter.facts.why),
    link: linkTo(letter.facts.path, letterhead.publicUrl),
    host: new URL(letterhead.publicUrl).host,
    replyTo: letterhead.mailReplyTo ?? null,
    isTest: letter.facts.test ?? false,
  }
}
