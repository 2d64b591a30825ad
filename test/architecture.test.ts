import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'

/**
 * What the files of a folder may import besides themselves. What is not listed here (main, start, demo, …) may import
 * everything.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  rules: [],
  secrets: [],
  'log.ts': [],
  'config.ts': ['cannot-start.ts'],
  database: ['rules', 'secrets', 'log.ts', 'config.ts', 'cannot-start.ts'],
  outbox: ['rules', 'secrets', 'log.ts', 'config.ts', 'database'],
  identity: ['rules', 'secrets', 'log.ts', 'database', 'outbox/letters.ts', 'outbox/notices.ts'],
  keyring: ['rules', 'secrets', 'log.ts', 'database', 'outbox/letters.ts', 'outbox/notices.ts', 'outbox/webhooks.ts'],
  desk: [
    'rules',
    'secrets',
    'log.ts',
    'database',
    'outbox/letters.ts',
    'outbox/notices.ts',
    'outbox/webhooks.ts',
    'keyring',
  ],
  worker: ['rules', 'secrets', 'log.ts', 'config.ts', 'database', 'outbox', 'identity', 'keyring', 'desk'],
  web: ['rules', 'secrets', 'log.ts', 'config.ts', 'database', 'identity', 'keyring', 'desk', 'outbox/preview.ts'],
}
const MAY_OPEN_TRANSACTIONS = ['desk', 'keyring', 'identity', 'outbox', 'worker']
const MAX_FILE_LINES = 200
const MAX_FUNCTION_LINES = 70

type Source = { file: string; text: string; imports: { to: string; typeOnly: boolean }[] }

function importsOf(file: string, text: string): Source['imports'] {
  const found = text.matchAll(/^(import|export) (type )?[^'"]*?from '([^']+)'|import\('([^']+)'\)/gm)
  return [...found].map(([, , type, from = '', dynamic = '']) => {
    const path = from || dynamic
    const to = path.startsWith('.') ? normalize(join(dirname(file), path)) : path
    return { to, typeOnly: type !== undefined }
  })
}

const sources: Source[] = globSync('src/**/*.ts').map((path) => {
  const text = readFileSync(path, 'utf8')
  return { file: path, text, imports: importsOf(path, text) }
})

/** `src/desk/submit.ts` is part of `desk`, `src/log.ts` of `log.ts`. */
function partOf(file: string): string {
  return file.split('/')[1] ?? ''
}

function mayImport(from: string, to: string): boolean {
  const allowed = ALLOWED[partOf(from)]
  if (allowed === undefined || !to.startsWith('src/') || partOf(from) === partOf(to)) return true
  return allowed.includes(partOf(to)) || allowed.includes(to.slice('src/'.length))
}

function findCycle(): string[] {
  const next = new Map(
    sources.map(({ file, imports }) => [file, imports.filter(({ typeOnly }) => !typeOnly).map(({ to }) => to)]),
  )
  const done = new Set<string>()
  function walk(file: string, path: readonly string[]): string[] {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return []
    for (const to of next.get(file) ?? []) {
      const cycle = walk(to, [...path, file])
      if (cycle.length > 0) return cycle
    }
    done.add(file)
    return []
  }
  for (const { file } of sources) {
    const cycle = walk(file, [])
    if (cycle.length > 0) return cycle
  }
  return []
}

const FUNCTION = /^( *)(?:.*\bfunction\b.*\{|.*=> (?:\(?\{)|(?:async |static )*\w+\(.*\).*\{)$/

/** The source is formatted, so a function ends at the first line that begins as far left as it did. */
function longFunctions({ file, text }: Source): string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, start) => {
    const indent = FUNCTION.exec(line)?.[1]
    if (indent === undefined || /^ *(if|for|while|switch|\} else)/.test(line)) return []
    const length = lines.slice(start + 1).findIndex((later) => later.startsWith(`${indent}}`)) + 2
    return length > MAX_FUNCTION_LINES ? [`${file}:${start + 1} has ${length} lines`] : []
  })
}

function filesWith(pattern: RegExp, except: (file: string) => boolean): string[] {
  return sources.filter(({ file, text }) => !except(file) && pattern.test(text)).map(({ file }) => file)
}

describe('the source', () => {
  test('is read, so that the checks below look at something', () => {
    expect(sources.length).toBeGreaterThan(50)
    expect(sources.flatMap(({ imports }) => imports).length).toBeGreaterThan(200)
  })

  test('would not pass with a wrong arrow or a long function', () => {
    expect(mayImport('src/rules/verdict.ts', 'src/database/connect.ts')).toBe(false)
    expect(mayImport('src/desk/submit.ts', 'src/outbox/deliver.ts')).toBe(false)
    expect(mayImport('src/desk/submit.ts', 'src/outbox/letters.ts')).toBe(true)
    expect(importsOf('src/a/b.ts', "import {\n  x,\n} from '../c/d.ts'")).toEqual([
      { to: 'src/c/d.ts', typeOnly: false },
    ])
    const text = `export async function long() {${'\n  work()'.repeat(70)}\n}\n`
    expect(longFunctions({ file: 'x', text, imports: [] })).toEqual(['x:1 has 72 lines'])
  })

  test('imports only along the arrows of the design', () => {
    const wrong = sources.flatMap(({ file, imports }) =>
      imports.filter(({ to }) => !mayImport(file, to)).map(({ to }) => `${file} → ${to}`),
    )
    expect(wrong).toEqual([])
  })

  test('has no import cycle', () => {
    expect(findCycle()).toEqual([])
  })

  test('reads the environment in config.ts alone', () => {
    expect(filesWith(/process\.env\b/, (file) => file === 'src/config.ts')).toEqual([])
  })

  test('listens for calls in serve.ts and for signals in main.ts alone; the demo has its inbox', () => {
    const isDemo = (file: string) => partOf(file) === 'demo'
    // Whoever looks for a free port holds it for a moment.
    const looksForPort = (file: string) => file === 'src/database/embedded/start.ts'
    expect(filesWith(/\.listen\(/, (file) => isDemo(file) || looksForPort(file))).toEqual(['src/serve.ts'])
    expect(filesWith(/process\.(on|once)\(/, isDemo)).toEqual(['src/main.ts'])
  })

  test('opens transactions in verbs alone', () => {
    const isVerb = (file: string) => MAY_OPEN_TRANSACTIONS.includes(partOf(file))
    expect(filesWith(/\.transaction\(\)|\bbegin(;|`)/i, isVerb)).toEqual([])
  })

  test('keeps rules pure: no clock, no chance, no I/O', () => {
    const isNoRule = (file: string) => partOf(file) !== 'rules'
    expect(filesWith(/Date\.now\(|new Date\(\)|Math\.random|performance\.now/, isNoRule)).toEqual([])
    expect(
      filesWith(/from '(node:(fs|net|http|https|child_process|dns|os|timers)[^']*|pg|kysely|hono[^']*)'/, isNoRule),
    ).toEqual([])
  })

  test('has no file and no function that is asking to be two', () => {
    const longFiles = sources.filter(({ text }) => text.split('\n').length - 1 > MAX_FILE_LINES)
    expect(longFiles.map(({ file }) => file)).toEqual([])
    expect(sources.flatMap(longFunctions)).toEqual([])
  })
})
