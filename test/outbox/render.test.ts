import { describe, expect, test } from 'vitest'
import { isAboutRotation } from '../../src/outbox/kinds/content.ts'
import { LETTER_KINDS, type LetterContent, type RotationFacts, readContent } from '../../src/outbox/letters.ts'
import { renderLetter } from '../../src/outbox/render.ts'
import type { Letterhead } from '../../src/outbox/view.ts'
import { rotationFacts, SAMPLE_LETTERS } from './sample-letters.ts'

const LETTERHEAD = { publicUrl: 'https://desk.example.com', mailReplyTo: undefined }

function render(letter: LetterContent, name = 'Ada Owner', letterhead: Letterhead = LETTERHEAD) {
  return renderLetter(letter, name, letterhead)
}

/** What a reader sees of the HTML. */
function shown(html: string): string {
  const body = html
    .slice(html.indexOf('<body>'))
    .replace(/<\/?(?:bdi|time|strong|code|span|a)\b[^>]*>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replaceAll('&amp;', '&')
    .replaceAll('’', "'")
  return body.replace(/\s+/g, ' ')
}

function unwrapped(text: string): string {
  return text.replace(/\s+/g, ' ')
}

/** Every text of the letter's facts that a part shows, with the times as they are shown, in the order of the facts. */
function factsIn(part: string, letter: LetterContent): string[] {
  const times = part.match(/\w{3} \d+ \w{3} \d{4}, \d\d:\d\d \w+ \(\d\d:\d\d UTC\)/g) ?? []
  const texts: string[] = []
  JSON.stringify(letter.facts, (name, value: unknown) => {
    if (typeof value === 'string' && name !== 'path' && value.length > 2) texts.push(value)
    return value
  })
  const plain = part.replaceAll('’', "'")
  return [...times.toSorted(), ...texts.filter((text) => plain.includes(text))]
}

const rotationLetters = SAMPLE_LETTERS.filter(isAboutRotation)

test('there is a sample of every kind', () => {
  expect(SAMPLE_LETTERS.map((letter) => letter.kind)).toEqual([...LETTER_KINDS])
})

describe.each(SAMPLE_LETTERS.map((letter) => ({ kind: letter.kind, letter })))('$kind', ({ letter }) => {
  const { subject, text, html } = render(letter)
  const parts = [unwrapped(text), shown(html)]

  test('says why you get it and what to do if it was not you, in both parts', () => {
    for (const part of parts) {
      expect(part).toContain(`You get this letter because ${letter.facts.why}.`)
      expect(part).toMatch(/if (it wasn't|something is wrong)/i)
    }
  })

  test('names an absolute time in the zone of its reader and in UTC, in both parts', () => {
    for (const part of parts) expect(part).toMatch(/\w{3} \d+ \w{3} 2026, \d\d:\d\d CET \(\d\d:\d\d UTC\)/)
  })

  test('has exactly one link, to the page, in both parts', () => {
    const link = `https://desk.example.com${letter.facts.path}`
    expect(text.match(/[a-z]+:\/\/\S+/gi)).toEqual([link])
    expect(html.match(/[a-z]+:\/\/[^"<\s]+/gi)).toEqual([link])
    expect(html.match(/<a /g)).toHaveLength(1)
  })

  test('tells the same times, names and keys in both parts', () => {
    const inText = factsIn(unwrapped(text), letter)
    expect(factsIn(shown(html), letter)).toEqual(inText)
    expect(inText.length).toBeGreaterThan(0)
  })

  test('holds no secret, not even one that somebody wrote', () => {
    for (const part of [subject, ...parts]) expect(part).not.toMatch(/rk_(auth|admin)_|rk[pg]_/)
  })

  test('leaves no placeholder, no gap and nothing but text', () => {
    for (const part of [subject, text, html]) {
      expect(part).not.toContain('{{')
      expect(part).not.toMatch(/undefined|\[object|\bnull\b|NaN|Invalid/)
    }
    expect(text).not.toMatch(/&(amp|lt|gt|quot|#x27);/)
    expect(html).not.toMatch(/<script|<img|<form|\son\w+=|<table/i)
  })

  test('keeps its lines short and its parts apart', () => {
    const words = text.split('\n').filter((line) => !line.includes('://'))
    expect(Math.max(...words.map((line) => line.length))).toBeLessThanOrEqual(74)
    expect(text).not.toMatch(/\n{3}/)
  })
})

describe.each(rotationLetters.map((letter) => ({ kind: letter.kind, letter })))(
  'about a rotation: $kind',
  ({ letter }) => {
    const { text, html } = render(letter)

    test('names organisation with its short id, service, environment, both kinds of key, and who did it', () => {
      for (const part of [unwrapped(text), shown(html)]) {
        for (const fact of [
          'Acme',
          'z1234',
          'ROT-1042',
          'Payments EU',
          '(live)',
          'Auth key',
          'Admin key',
          '8f3K',
          letter.facts.who ?? 'Rekey',
        ]) {
          expect(part).toContain(fact)
        }
      }
    })
  },
)

test('all letters of a rotation have one subject, with a mark before it only where the reader has to act', () => {
  const stable = '[ROT-1042] Key rotation: Payments EU'
  const acted = rotationLetters.filter((letter) => render(letter).subject !== stable)
  for (const letter of acted) expect(render(letter).subject).toBe(`[Action needed] ${stable}`)
  expect(acted.map((letter) => letter.kind)).toEqual([
    'approval-needed',
    'new-keys-ready',
    'question',
    'answered',
    'expires-soon',
    'failed',
    'old-key-stops',
    'not-picked-up',
    'stops-sooner',
    'follow-up-needed',
  ])
})

describe('the mark is not for a reader who can do nothing', () => {
  test.each([
    ['new-keys-ready', { mayReveal: false }],
    ['not-picked-up', { mayReveal: false }],
    ['old-key-stops', { mayReveal: false }],
    ['question', { role: 'developer' }],
    ['failed', { role: 'owner' }],
  ] as const)('%s', (kind, changes) => {
    const subjectFor = (facts: RotationFacts) => render({ kind, facts }).subject
    expect(subjectFor(rotationFacts(kind, changes))).toBe('[ROT-1042] Key rotation: Payments EU')
    expect(subjectFor(rotationFacts(kind))).toContain('[Action needed]')
  })

  test('nor for an old key that is picked up, was given where it is held and is no longer used', () => {
    const facts = rotationFacts('old-key-stops')
    const items = facts.items.map((item) => ({
      ...item,
      toBeGivenNew: [],
      pickedUp: true,
      oldLastUsedAt: '2026-11-20T09:00:00.000Z',
    }))
    expect(render({ kind: 'old-key-stops', facts: { ...facts, items } }).subject).not.toContain('Action')
    const used = items.map((item) => ({ ...item, oldLastUsedAt: '2026-11-24T09:00:00.000Z' }))
    expect(render({ kind: 'old-key-stops', facts: { ...facts, items: used } }).subject).toContain('Action')
  })
})

test('new keys: the letter says when the old ones stop, and that both work until then', () => {
  const { text } = render({ kind: 'new-keys-ready', facts: rotationFacts('new-keys-ready') })
  expect(unwrapped(text)).toContain(
    'The old keys stop on Wed 2 Dec 2026, 09:00 CET (08:00 UTC). Until then old and new',
  )
  expect(text).toContain('Zq1a')
})

test('new keys without an overlap: the letter says that the old ones have stopped', () => {
  const facts = rotationFacts('new-keys-ready')
  const { text } = render({ kind: 'new-keys-ready', facts: { ...facts, oldStopsAt: facts.at } })
  expect(text).toContain('The old keys have stopped')
  expect(text).not.toContain('Until then')
})

test('a letter about an end never names a later time than its own', () => {
  for (const kind of ['old-key-revoked', 'completed'] as const) {
    const { text } = render({ kind, facts: rotationFacts(kind) })
    expect(unwrapped(text)).toContain('stopped on Mon 2 Nov 2026, 10:30 CET (09:30 UTC)')
    expect(text).not.toContain('2 Dec')
  }
})

test('a key that was left out is told apart from those that were rotated', () => {
  const facts = rotationFacts('completed')
  const items = facts.items.map((item) =>
    item.kind === 'admin' ? { ...item, newLast4: null, oldStopsAt: null } : item,
  )
  const { text, html } = render({ kind: 'completed', facts: { ...facts, items } })
  expect(unwrapped(text)).toContain('The rotation of 1 key of Acme is complete')
  expect(text.match(/No new key was made for it/g)).toHaveLength(1)
  expect(html.match(/No new key was made for it/g)).toHaveLength(1)
  const none = items.map((item) => ({ ...item, newLast4: null }))
  expect(unwrapped(render({ kind: 'completed', facts: { ...facts, items: none } }).text)).toContain(
    'no new key was made:',
  )
})

test('a rotation that completes beside keys that went back says of which keys the old one still works', () => {
  const facts = rotationFacts('completed')
  const items = facts.items.map((item) =>
    item.kind === 'admin' ? { ...item, rolledBack: true, oldStopsAt: null } : item,
  )
  const { text, html } = render({ kind: 'completed', facts: { ...facts, items } })
  for (const part of [unwrapped(text), shown(html)]) {
    expect(part).toContain('The rotation of 1 key of Acme is complete')
    expect(part).toContain('went back to their old keys')
    expect(part.match(/Rolled back: its old key goes on working/g)).toHaveLength(1)
    expect(part.match(/Deleted new key ends in/g)).toHaveLength(1)
  }
  const none = items.map((item) => (item.kind === 'admin' ? item : { ...item, newLast4: null, oldStopsAt: null }))
  const left = unwrapped(render({ kind: 'completed', facts: { ...facts, items: none } }).text)
  expect(left).toContain('no new key is in use')
  expect(left).not.toContain('no new key was made:')
})

test('whoever a notice is about reads that it is about them', () => {
  const sample = SAMPLE_LETTERS.find((letter) => letter.kind === 'security-notice')
  if (sample?.kind !== 'security-notice') throw new Error('there is no sample of a notice')
  const told = (notice: 'role_changed' | 'member_removed') =>
    render({ ...sample, facts: { ...sample.facts, notice, about: '' } }).text
  expect(told('role_changed')).toContain('Your role was changed')
  expect(told('member_removed')).toContain('Your membership has ended')
})

test('a revocation is dated by when it counts, not by when the desk tells of it', () => {
  const facts = rotationFacts('old-key-revoked', { oldStopsAt: '2026-11-02T08:00:00.000Z' })
  const { text } = render({ kind: 'old-key-revoked', facts })
  expect(unwrapped(text)).toContain('refused since Mon 2 Nov 2026, 09:00 CET (08:00 UTC)')
  expect(text).toContain('When: Mon 2 Nov 2026, 09:00 CET (08:00 UTC)')
})

test('a start that has passed already is told as at once', () => {
  const facts = rotationFacts('approved', { startsAt: '2026-11-01T08:00:00.000Z' })
  expect(render({ kind: 'approved', facts }).text).toContain('The new keys are made now')
})

test('two approvals are told as two', () => {
  const first = rotationFacts('approval-needed', { approvalsNeeded: 2 })
  expect(render({ kind: 'approval-needed', facts: first }).text).toContain('two approvals')
  const second = { ...first, approvalsGiven: 1 }
  expect(unwrapped(render({ kind: 'approval-needed', facts: second }).text)).toContain('yours would be the second')
})

test('what the desk did by itself is not put in anybody’s mouth', () => {
  const { text } = render({ kind: 'completed', facts: rotationFacts('completed', { who: null }) })
  expect(text).toContain('Rekey, as approved')
})

test('a letter says where an answer goes', () => {
  const letter: LetterContent = { kind: 'received', facts: rotationFacts('received') }
  expect(render(letter).text).toContain('answers to it are not read')
  const desk = { publicUrl: LETTERHEAD.publicUrl, mailReplyTo: 'support@example.com' }
  expect(render(letter, 'Ada', desk).text).toContain('Answers to it go to support@example.com.')
})

test('the link begins with the public address, whatever the path says', () => {
  const letter: LetterContent = { kind: 'received', facts: rotationFacts('received') }
  const { text } = render(letter, 'Ada', { ...LETTERHEAD, publicUrl: 'http://localhost:3000' })
  expect(text).toContain('http://localhost:3000/rotations/ROT-1042')
  const foreign = { ...letter, facts: { ...letter.facts, path: '//evil.example/x' } }
  expect(() => render(foreign)).toThrow()
})

describe('foreign text', () => {
  const hostile = {
    organisation: '<b onmouseover="x()">Acme</b> & "Sons"',
    title: 'Pay\u202ements\u200b\r\nBcc: all@example.com',
    details:
      'See https://evil.example/now, http:http:////evil.example and 1http://evil.example\n\u0000<script>alert(1)</script>\n{{ref}}',
    note: '',
  }
  const facts = rotationFacts('received', hostile)
  const { subject, text, html } = render({ kind: 'received', facts }, 'Ada\r\nOwner, "x" <y@example.com>')

  test('is text in HTML and unescaped in plain text', () => {
    expect(html).toContain('&lt;b onmouseover&#x3D;&quot;x()&quot;&gt;Acme&lt;/b&gt; &amp; &quot;Sons&quot;')
    expect(html).not.toMatch(/<b |<script/)
    expect(unwrapped(text)).toContain('<b onmouseover="x()">Acme</b> & "Sons"')
    expect(text).toContain('{{ref}}')
  })

  test('loses control and format characters and line ends', () => {
    expect(subject).toBe('[ROT-1042] Key rotation: Payments Bcc: all@example.com')
    for (const part of [text, html]) expect(part).not.toMatch(/[\0\r\u200b\u202e]/)
  })

  test('brings no link of its own', () => {
    expect(text.match(/:\/\//g)).toHaveLength(1)
    expect(html.match(/:\/\//g)).toHaveLength(1)
  })

  test('from right to left is isolated from what stands beside it', () => {
    const hebrew = render({ kind: 'received', facts: rotationFacts('received', { organisation: 'אקמי' }) })
    expect(hebrew.text).toContain('\u2068אקמי\u2069')
    expect(hebrew.html).toContain('<bdi>אקמי</bdi>')
  })

  test('of any length leaves a subject that can be read', () => {
    const long = render({ kind: 'received', facts: rotationFacts('received', { title: 'Service '.repeat(60) }) })
    expect(long.subject.length).toBeLessThan(110)
    expect(long.subject).toMatch(/…$/)
  })
})

test('a stored letter that lacks a fact is not rendered with a gap', () => {
  const { who, ...rest } = rotationFacts('received')
  expect(who).toBe('Ada Owner')
  expect(() => readContent({ kind: 'received', facts: rest })).toThrow()
  expect(() => readContent({ kind: 'postcard', facts: rest })).toThrow()
})
