import { createHash } from 'node:crypto'
import { isAboutRotation, type LetterContent } from './kinds/content.ts'
import { stableSubject } from './subject.ts'

type Thread = {
  /** The Message-ID that all letters of the rotation answer to; no letter carries it, it only ties them together. */
  root: string
  headers: { [name: string]: string }
}

const THREAD_INDEX_VERSION = 1
const TIME_BYTES = 5
const ID_BYTES = 16

/**
 * The 22 bytes by which Exchange and Outlook know a conversation (MS-OXOMSG, 2.2.1.3): a version, five bytes of a time and a GUID. All
 * letters of a rotation carry the same ones, so the time is left empty: what counts is the GUID.
 */
function threadIndex(hash: Buffer): string {
  const id = hash.subarray(0, ID_BYTES)
  return Buffer.concat([Buffer.of(THREAD_INDEX_VERSION), Buffer.alloc(TIME_BYTES), id]).toString('base64')
}

/**
 * What ties the letters of a rotation together in the programs that people read them with. Gmail wants a shared reference and a subject
 * that is the same but for brackets; Apple Mail goes by the references; Outlook by Thread-Index, and by Thread-Topic, which stands for
 * the subject without what is before it (MS-OXCMAIL, 2.2.3.2.7).
 */
export function threadOf(ref: string, content: LetterContent, domain: string): Thread {
  const hash = createHash('sha256').update(ref).digest()
  const topic: Thread['headers'] = isAboutRotation(content) ? { 'Thread-Topic': stableSubject(content.facts) } : {}
  return {
    root: `<${ref.toLowerCase()}.${hash.toString('hex').slice(0, 16)}@${domain}>`,
    headers: { ...topic, 'Thread-Index': threadIndex(hash) },
  }
}
