import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Handlebars from 'handlebars'
import type { Assets } from './assets.ts'

const FOLDER = join(import.meta.dirname, '../../templates')

/** Renders `templates/pages/<name>.hbs` with `facts`. */
export type Views = { render: (name: string, facts: Readonly<Record<string, unknown>>) => string }

type Sources = ReadonlyMap<string, string>

function readTemplates(folder: string): Sources {
  const files = readdirSync(join(FOLDER, folder)).filter((file) => file.endsWith('.hbs'))
  return new Map(files.map((file) => [file.slice(0, -4), readFileSync(join(FOLDER, folder, file), 'utf8')]))
}

/**
 * Reads every template at the start, so that a broken one stops it. Strict: a name that the page was not given throws,
 * except as the condition of an `if`. Layouts and partials go by their file names: `{{#> page}}`, `{{> time at}}`.
 */
export function createViews(assets: Assets): Views {
  const handlebars = Handlebars.create()
  handlebars.registerHelper('asset', (name: string) => assets.address(name))
  // Without preventIndent a text of several lines, in a field or a letter, would be shown moved to the right.
  const options = { strict: true, knownHelpersOnly: true, knownHelpers: { asset: true }, preventIndent: true }
  for (const folder of ['layouts', 'partials']) {
    for (const [name, source] of readTemplates(folder)) {
      handlebars.parse(source)
      handlebars.registerPartial(name, source)
    }
  }
  const pages = new Map<string, HandlebarsTemplateDelegate>()
  for (const [name, source] of readTemplates('pages')) {
    handlebars.parse(source)
    pages.set(name, handlebars.compile(source, options))
  }
  return {
    render(name, facts) {
      const template = pages.get(name)
      if (template === undefined) throw new Error(`there is no page template ${name}`)
      return template(facts)
    },
  }
}
