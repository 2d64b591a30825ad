import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { REFUSALS } from '../../src/rules/refusals.ts'
import { API_ROUTES } from '../../src/web/api/routes.ts'
import { createApp } from '../../src/web/app.ts'
import { isApiPath } from '../../src/web/errors.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'

const desk = await openDesk(await openTestDatabase())
const operation = z.looseObject({
  operationId: z.string(),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  responses: z.record(z.string(), z.looseObject({ content: z.record(z.string(), z.unknown()).optional() })),
})
const shape = z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.record(z.string(), operation)) })
const document = shape.parse((await desk.call('GET', '/openapi.json')).json)
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, facts]) => ({ name: `${method} ${path}`, facts })),
)

test('the document lists every route of the API that is served, and nothing else', () => {
  const served = createApp(desk.desk)
    .routes.filter((route) => route.method !== 'ALL' && isApiPath(route.path))
    .map((route) => `${route.method.toLowerCase()} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`)
  expect(operations.map(({ name }) => name).toSorted()).toEqual([...new Set(served)].toSorted())
  expect(operations).toHaveLength(API_ROUTES.length)
})

test('every operation tells its refusals as problems, with codes that exist', () => {
  for (const { facts } of operations) {
    for (const [status, response] of Object.entries(facts.responses)) {
      if (status.startsWith('2')) continue
      expect(Object.keys(response.content ?? {})).toEqual(['application/problem+json'])
      const codes = /"enum":(\["[A-Z_",]+"\])/.exec(JSON.stringify(response))?.[1] ?? '[]'
      const known = Object.keys(REFUSALS)
      for (const code of z.array(z.string()).min(1).parse(JSON.parse(codes))) expect(known).toContain(code)
    }
  }
})

test('only probes, the document and what is signed are open to everybody', () => {
  const open = operations.filter(({ facts }) => facts.security.length === 0).map(({ name }) => name)
  // whoever reports a leak signs for it instead of signing in
  const signed = ['post /v1/leak-reports/github', 'post /v1/leak-reports']
  expect(open).toEqual(['get /healthz', 'get /readyz', 'get /openapi.json', ...signed])
})

test('the document is clean under redocly lint', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-openapi-'))
  const file = join(folder, 'openapi.json')
  await writeFile(file, JSON.stringify(document))
  const quiet = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const redocly = createRequire(import.meta.url).resolve('@redocly/cli/bin/cli.js')
  const lint = ['lint', '--config', 'redocly.yaml', '--format', 'json', file]
  const { stdout } = await promisify(execFile)(process.execPath, [redocly, ...lint], { env: quiet })
  await rm(folder, { recursive: true })
  const report = z
    .looseObject({ totals: z.looseObject({ errors: z.int(), warnings: z.int() }) })
    .parse(JSON.parse(stdout))
  expect(report.totals).toMatchObject({ errors: 0, warnings: 0 })
})

test('the reader comes from the desk itself', async () => {
  const page = await desk.call('GET', '/docs')
  const addresses = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '')
  expect(addresses.length).toBeGreaterThan(3)
  for (const path of addresses) {
    expect(path).toMatch(/^\/(?!\/)/)
    // The way back leads on, to the sign-in here.
    expect((await desk.call('GET', path)).status).toBe(path === '/' ? 303 : 200)
  }
})
