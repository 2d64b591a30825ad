import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the run's one browser listens. */
    browserEndpoint: string
  }
}

/** Raised with the version in package.json, so that an older browser isn't taken for the new one. */
const VERSION = '153.0.0'

function fontsOf(folder: string): string {
  return `<?xml version="1.0"?><fontconfig><dir>${folder}/fonts</dir><cachedir>${folder}/font-cache</cachedir></fontconfig>`
}

/**
 * Unpacks Chromium out of its npm package into a folder of this user's own, as a whole or not at all. The package unpacks into
 * TMPDIR, and the libraries that Chromium needs only where it believes itself on that platform.
 */
async function unpackChromium(): Promise<string> {
  const folder = join(tmpdir(), `rekey-chromium-${VERSION}-${userInfo().uid}`)
  if (existsSync(folder)) return folder
  const unpacking = mkdtempSync(`${folder}-`)
  const before = process.env.TMPDIR
  process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs22.x'
  process.env.TMPDIR = unpacking
  const { default: packaged } = await import('@sparticuz/chromium')
  packaged.setGraphicsMode = false
  await packaged.executablePath()
  if (before === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = before
  writeFileSync(join(unpacking, 'fonts', 'fonts.conf'), fontsOf(folder))
  try {
    renameSync(unpacking, folder)
  } catch {
    // Another run was quicker; what it unpacked is the same.
    rmSync(unpacking, { recursive: true })
  }
  return folder
}

/** Chromium out of npm on Linux; elsewhere the Chrome that is installed. */
async function findBrowser() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return { channel: 'chrome' }
  const folder = await unpackChromium()
  const env = {
    HOME: folder,
    LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'),
    FONTCONFIG_PATH: join(folder, 'fonts'),
  }
  return { executablePath: join(folder, 'chromium'), env }
}

/** One browser for the whole run: unpacking and starting it takes longer than most tests. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const server = await chromium.launchServer({
    ...(await findBrowser()),
    headless: true,
    args: ['--headless=shell', '--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage'],
  })
  project.provide('browserEndpoint', server.wsEndpoint())
  return () => server.close()
}
