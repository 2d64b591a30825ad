import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import Handlebars from 'handlebars'
import { LETTER_KINDS, type LetterKind } from './kinds/names.ts'

const TEMPLATES = path.join(import.meta.dirname, '../../templates')

export type Format = 'text' | 'html'
type Template = (view: object) => string

const SUFFIX = { text: '.txt.hbs', html: '.html.hbs' } as const satisfies Record<Format, string>

/**
 * How templates are compiled: a missing fact throws instead of leaving a gap, and no helper but the built-in ones is known.
 * The format of the file decides on escaping, never the template: HTML always escapes, plain text has nothing to escape.
 */
function optionsFor(format: Format): CompileOptions {
  return { strict: true, knownHelpersOnly: true, noEscape: format === 'text' }
}

function compileFile(handlebars: typeof Handlebars, file: string, format: Format): Template {
  const source = readFileSync(file, 'utf8')
  const options = optionsFor(format)
  try {
    // compile() puts its work off until the first letter; precompile() finds a bad template at the start
    handlebars.precompile(source, options)
  } catch (error) {
    throw new Error(`${file} is not a good template`, { cause: error })
  }
  return handlebars.compile<object>(source, options)
}

function registerShared(handlebars: typeof Handlebars, format: Format): void {
  for (const folder of ['layouts', 'partials']) {
    for (const file of readdirSync(path.join(TEMPLATES, folder))) {
      if (!file.startsWith('letter') || !file.endsWith(SUFFIX[format])) continue
      const name = file.slice(0, -SUFFIX[format].length)
      handlebars.registerPartial(name, compileFile(handlebars, path.join(TEMPLATES, folder, file), format))
    }
  }
}

function compileFormat(format: Format): Map<LetterKind, Template> {
  const handlebars = Handlebars.create()
  registerShared(handlebars, format)
  const compiled = LETTER_KINDS.map((kind): [LetterKind, Template] => {
    const file = path.join(TEMPLATES, 'letters', kind + SUFFIX[format])
    return [kind, compileFile(handlebars, file, format)]
  })
  return new Map(compiled)
}

const COMPILED = { text: compileFormat('text'), html: compileFormat('html') } as const satisfies Record<
  Format,
  Map<LetterKind, Template>
>

/** Fills the kind's template. Throws when the view lacks something that the template shows. */
export function fill(kind: LetterKind, format: Format, view: object): string {
  const template = COMPILED[format].get(kind)
  if (template === undefined) throw new Error(`there is no letter ${kind}`)
  return template(view)
}
