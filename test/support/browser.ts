import { AxeBuilder } from '@axe-core/playwright'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, expect, inject } from 'vitest'
import type { TestDesk } from './web.ts'
import { type Enrolled, unusedCode } from './worlds/people.ts'

/** A browser of one person's, with what went wrong in it: refused by the content security policy, thrown, or logged as an error. */
export type Visitor = {
  page: Page
  complaints: string[]
  /** Types what is asked for; a code only where the page asks for one. */
  fill: (fields: Record<string, string>) => Promise<void>
  press: (button: string) => Promise<void>
  open: (path: string) => Promise<void>
}

let browser: Promise<Browser> | undefined

function connect(): Promise<Browser> {
  browser ??= chromium.connect(inject('browserEndpoint'))
  return browser
}

/** A refused form or a missing page is an answer, which Chromium logs as an error all the same. */
function isAnswer(text: string): boolean {
  return /^Failed to load resource: the server responded with a status of 4\d\d/.test(text)
}

/** Opens a browser that nobody has used; closed after the file. */
export async function openVisitor(desk: TestDesk, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await (await connect()).newContext({ baseURL: desk.url, reducedMotion: 'reduce', ...options })
  afterAll(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !isAnswer(message.text())) complaints.push(message.text())
  })
  return {
    page,
    complaints,
    async fill(fields) {
      for (const [label, text] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(text)
    },
    press: (button) => page.getByRole('button', { name: button }).first().click(),
    async open(path) {
      await page.goto(path)
    },
  }
}

/** Signs in as people do: address, password, code. */
async function signIn(desk: TestDesk, visitor: Visitor, person: Enrolled): Promise<void> {
  await visitor.open('/sign-in')
  await visitor.fill({ 'Email address': person.email, Password: person.password })
  await visitor.press('Continue')
  await visitor.fill({ 'One-time code': await unusedCode(desk.desk.db, person) })
  await visitor.press('Sign in')
  await visitor.page.waitForURL((url) => !url.pathname.startsWith('/sign-in'))
}

/** A browser of this person's, signed in. */
export async function openAs(desk: TestDesk, person: Enrolled, options: BrowserContextOptions = {}): Promise<Visitor> {
  const visitor = await openVisitor(desk, options)
  await signIn(desk, visitor, person)
  return visitor
}

/** Types a code where the page asks for one; it asks for none shortly after another. */
export async function typeCode(desk: TestDesk, { page }: Visitor, person: Enrolled): Promise<void> {
  const field = page.getByLabel('One-time code').first()
  if ((await field.count()) > 0) await field.fill(await unusedCode(desk.desk.db, person))
}

type Look = { width: number; colorScheme: 'light' | 'dark'; rules?: string[] }
const AT_A_DESK: Look = { width: 1280, colorScheme: 'light' }
/** On a phone by night only what depends on size and colours is looked at again; the rest is the same document. */
export const LOOKS: readonly Look[] = [
  AT_A_DESK,
  { width: 360, colorScheme: 'dark', rules: ['color-contrast', 'target-size', 'scrollable-region-focusable'] },
]

/** WCAG 2.2 AA as far as axe-core can tell, and no sideways scrolling; at a desk by day unless told otherwise. */
export async function expectAccessible({ page }: Visitor, looks: readonly Look[] = [AT_A_DESK]): Promise<void> {
  for (const { width, colorScheme, rules } of looks) {
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme })
    const axe = new AxeBuilder({ page }).setLegacyMode(true)
    const { violations } = await (rules === undefined ? axe : axe.withRules(rules)).analyze()
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)
    expect(found, `${page.url()} at ${width}, ${colorScheme}`).toEqual([])
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    expect(sideways, `${page.url()} scrolls sideways at ${width}`).toBeLessThanOrEqual(0)
  }
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.emulateMedia({ colorScheme: 'light' })
}

afterAll(async () => {
  await (await browser)?.close()
})
