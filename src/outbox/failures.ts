import { scrub } from '../log.ts'
import { oneLine } from '../rules/text/foreign-text.ts'

/** What the mail server is asked about one letter; a refusal of anything else is about the server or its settings. */
const ABOUT_THE_LETTER: readonly string[] = ['RCPT TO', 'DATA']
/** A refused letter is tried this often in all: some servers answer "never" and mean "not now". */
const ATTEMPTS_WHEN_REFUSED = 3
const FIRST_WAIT_SECONDS = 2
/** Short enough that what waited through an outage is on its way within minutes of its end. */
const LONGEST_WAIT_SECONDS = 300
const MAX_WORDS = 300

export type Failure = {
  /** Whether the next letter would meet the same: the server is away, slow, or refuses us and not this letter. */
  scope: 'server' | 'letter'
  /** Whether trying again is of little use. */
  permanent: boolean
  /** What went wrong, for a person. */
  words: string
}

/** A letter that can't be written as it stands: a bad address, or facts that its template lacks. */
export class BadLetter extends Error {}

/** What nodemailer adds to its errors, as far as it is there. */
function mailFacts(error: Error) {
  const response = 'response' in error && typeof error.response === 'string' ? error.response : undefined
  const responseCode =
    'responseCode' in error && typeof error.responseCode === 'number' ? error.responseCode : undefined
  const command = 'command' in error && typeof error.command === 'string' ? error.command : undefined
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { response, responseCode, command, code }
}

/** What nodemailer's codes mean to a person who looks after the desk; other errors speak for themselves. */
const WITHOUT_ANSWER: Partial<Record<string, string>> = {
  ECONNECTION: 'it closed the connection',
  ETIMEDOUT: 'it took too long',
  EABORT: 'it took too long',
  EDNS: 'its name is not known',
}

function shortWords(text: string): string {
  return scrub(oneLine(text)).slice(0, MAX_WORDS)
}

/** What a failed sending means. A network failure says nothing about the letter: the server may even have accepted it. */
export function readFailure(error: unknown): Failure {
  if (error instanceof BadLetter) return { scope: 'letter', permanent: true, words: shortWords(error.message) }
  if (!(error instanceof Error)) return { scope: 'server', permanent: false, words: shortWords(String(error)) }
  const { code, command, response, responseCode } = mailFacts(error)
  if (responseCode === undefined) {
    const words = shortWords(`The mail server gave no answer: ${WITHOUT_ANSWER[code ?? ''] ?? error.message}`)
    return { scope: 'server', permanent: false, words }
  }
  const answer = `The mail server answered "${response ?? String(responseCode)}" to ${command ?? 'the connection'}`
  if (command === undefined || !ABOUT_THE_LETTER.includes(command)) {
    return { scope: 'server', permanent: false, words: shortWords(answer) }
  }
  // 503 says that the session was in the wrong state, not that the letter is refused (RFC 5321, 4.2)
  return { scope: 'letter', permanent: responseCode >= 500 && responseCode !== 503, words: shortWords(answer) }
}

/**
 * Seconds until the next attempt: doubled each time up to five minutes, less up to half of it by `chance` (0 to 1), so that
 * letters that failed together don't come back together. Null when the letter is given up.
 */
export function waitSeconds(failure: Failure, attempts: number, chance: number): number | null {
  if (failure.permanent && attempts >= ATTEMPTS_WHEN_REFUSED) return null
  const longest = Math.min(FIRST_WAIT_SECONDS * 2 ** Math.min(attempts - 1, 20), LONGEST_WAIT_SECONDS)
  return longest * (1 - chance / 2)
}
