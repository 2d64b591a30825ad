import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'

const FOLDER = path.join(import.meta.dirname, '../templates')
const TEMPLATES = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.hbs'))

/** What would let text out unescaped, or a value choose the template (ASVS 5.0, 1.2 and 3.4). */
const FORBIDDEN = [
  { what: 'triple braces', pattern: /\{\{\{/ },
  { what: 'an ampersand expression', pattern: /\{\{~?\s*&/ },
  { what: 'an unquoted attribute', pattern: /=\s*\{\{/ },
  { what: 'a dynamic partial', pattern: /\{\{~?#?>\s*\(/ },
]

function problemsOf(source: string): string[] {
  return FORBIDDEN.filter(({ pattern }) => pattern.test(source)).map(({ what }) => what)
}

test('there are templates to check', () => {
  expect(TEMPLATES.length).toBeGreaterThan(20)
})

test.each(TEMPLATES)('%s escapes everything it shows', (file) => {
  expect(problemsOf(readFileSync(path.join(FOLDER, file), 'utf8'))).toEqual([])
})

describe('the check itself', () => {
  test.each([
    ['<p>{{{name}}}</p>', 'triple braces'],
    ['<p>{{& name}}</p>', 'an ampersand expression'],
    ['<p>{{~&name}}</p>', 'an ampersand expression'],
    ['<a href={{link}}>', 'an unquoted attribute'],
    ['<a href= {{link}}>', 'an unquoted attribute'],
    ['{{> (lookup . "name")}}', 'a dynamic partial'],
    ['{{#> (lookup . "name")}}{{/undefined}}', 'a dynamic partial'],
  ])('finds the fault in %s', (source, what) => {
    expect(problemsOf(source)).toEqual([what])
  })

  test('leaves ordinary templates alone', () => {
    expect(problemsOf('<a href="{{link}}">{{name}}</a>{{> card item=this}}{{#> layout}}{{/layout}}')).toEqual([])
  })
})
