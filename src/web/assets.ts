import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import type { App } from './context.ts'

const OWN = join(import.meta.dirname, 'assets')
const { resolve } = createRequire(import.meta.url)

/** What packages ship, by the name our templates call it. */
const PACKAGED = {
  'theme.css': resolve('@digdir/designsystemet-theme'),
  'design.css': resolve('@digdir/designsystemet-css'),
  'htmx.js': resolve('htmx.org/dist/htmx.min.js'),
  // without the workers and styles that the other build puts into blobs and style elements, which our policy refuses
  'altcha.js': join(dirname(resolve('altcha/external')), 'altcha.min.js'),
  'altcha.css': resolve('altcha/altcha.css'),
  'altcha-worker.js': join(dirname(resolve('altcha/external')), '../workers/pbkdf2.js'),
  'swagger-ui.css': resolve('swagger-ui-dist/swagger-ui.css'),
  'swagger-ui.js': resolve('swagger-ui-dist/swagger-ui-bundle.js'),
} as const

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

export type Assets = {
  /** The address of an asset, with the hash of its content in it. */
  address: (name: string) => string
  addRoutes: (app: App) => void
}

type Asset = { address: string; type: string; body: Uint8Array<ArrayBuffer> }

function readAsset(name: string, file: string): Asset {
  const body = new Uint8Array(readFileSync(file))
  const end = extname(name)
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 16)
  const type = TYPES[end] ?? 'application/octet-stream'
  return { address: `/assets/${name.slice(0, -end.length)}-${hash}${end}`, type, body }
}

/** Reads every asset into memory. Their addresses change with their content, so browsers may keep them for ever. */
export function loadAssets(): Assets {
  const own = readdirSync(OWN).map((file) => [file, join(OWN, file)] as const)
  const files = [...Object.entries(PACKAGED), ...own]
  const byName = new Map(files.map(([name, file]) => [name, readAsset(name, file)]))
  const byAddress = new Map([...byName.values()].map((asset) => [asset.address, asset]))
  return {
    address(name) {
      const asset = byName.get(name)
      if (asset === undefined) throw new Error(`there is no asset ${name}`)
      return asset.address
    },
    addRoutes(app) {
      app.get('/assets/:file', (c) => {
        const asset = byAddress.get(c.req.path)
        if (asset === undefined) return c.notFound()
        const headers = { 'content-type': asset.type, 'cache-control': 'public, max-age=31536000, immutable' }
        return c.body(asset.body, 200, headers)
      })
    },
  }
}
