import { shortId } from '../../rules/text/foreign-text.ts'
import { count, ROLE_WORDS } from '../../rules/text/words.ts'
import type { Format } from '../compile.ts'
import type { OtherLetter } from '../kinds/content.ts'
import type { DigestFacts, WaitingFacts } from '../kinds/digest.ts'
import { moment, momentOrNull, nameIn, nameOrNullIn } from './text.ts'
import { HAPPENED, noticeWords, THE_DESK, UNTIL_WORDS, WAITING_WORDS } from './words.ts'

type Content<Kind> = Extract<OtherLetter, { kind: Kind }>

function invitationView({ facts }: Content<'invitation'>, format: Format) {
  return {
    who: nameIn(format, facts.who),
    place: facts.organisation === null ? 'the support desk' : nameIn(format, facts.organisation),
    role: ROLE_WORDS[facts.role],
    expiresAt: moment(facts.expiresAt, facts.timeZone),
  }
}

function noticeView({ facts }: Content<'security-notice'>, format: Format) {
  return {
    what: noticeWords(facts),
    who: nameOrNullIn(format, facts.who) ?? THE_DESK,
    about: nameOrNullIn(format, facts.about),
    note: facts.note ?? null,
    happened: HAPPENED.has(facts.notice),
    details: (facts.details ?? []).map((line) => nameIn(format, line)),
    organisation: nameOrNullIn(format, facts.organisation),
    at: moment(facts.at, facts.timeZone),
  }
}

function waitingView(row: WaitingFacts, timeZone: string, format: Format) {
  return {
    ref: row.ref,
    title: nameIn(format, row.title),
    organisation: nameIn(format, row.organisation),
    organisationShort: shortId(row.organisationId),
    what: WAITING_WORDS[row.waiting],
    urgent: row.urgent,
    until: momentOrNull(row.until, timeZone),
    untilWords: UNTIL_WORDS[row.waiting],
  }
}

function digestView(facts: DigestFacts, format: Format) {
  return {
    total: count(facts.rows.length + facts.more, 'thing'),
    several: facts.rows.length + facts.more > 1,
    rows: facts.rows.map((row) => waitingView(row, facts.timeZone, format)),
    more: facts.more,
    at: moment(facts.at, facts.timeZone),
  }
}

/** What a letter that is about no single rotation shows. */
export function otherView(letter: OtherLetter, format: Format): object {
  switch (letter.kind) {
    case 'invitation':
      return invitationView(letter, format)
    case 'account-locked':
      return { at: moment(letter.facts.at, letter.facts.timeZone) }
    case 'password-reset':
    case 'email-change':
    case 'lost-access':
    case 'access-link': {
      const { at, expiresAt, timeZone } = letter.facts
      return { at: moment(at, timeZone), expiresAt: moment(expiresAt, timeZone) }
    }
    case 'security-notice':
      return noticeView(letter, format)
    case 'digest':
      return digestView(letter.facts, format)
  }
}
