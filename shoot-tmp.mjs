import { chromium } from 'playwright-core'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { tmpdir, userInfo } from 'node:os'
const folder = join(tmpdir(), `rekey-chromium-153.0.0-${userInfo().uid}`)
const env = { HOME: folder, LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'), FONTCONFIG_PATH: join(folder, 'fonts') }
const browser = await chromium.launch({ executablePath: join(folder, 'chromium'), env, args: ['--no-sandbox','--headless=shell','--disable-gpu','--disable-dev-shm-usage'] })
const demo = JSON.parse(readFileSync('/tmp/talk-demo/demo.json','utf8'))
const base = demo.baseUrl
async function as(email) {
  const p = demo.people.find(p => p.email === email)
  const ctx = await browser.newContext({ baseURL: base, reducedMotion: 'reduce' })
  const page = await ctx.newPage()
  page.setDefaultTimeout(30000)
  await page.goto('/sign-in')
  await page.getByLabel('Email address').fill(p.email); await page.getByLabel('Password').fill(p.password)
  await page.getByRole('button',{name:'Continue'}).click()
  await page.getByLabel('One-time code').waitFor()
  const codes = await (await fetch(base + '/demo/codes.json')).json()
  const code = codes[p.email] ?? codes.find?.(c => c.email === p.email)?.code
  await page.getByLabel('One-time code').fill(String(code)); await page.getByRole('button',{name:'Sign in'}).click()
  await page.waitForURL(u => !u.pathname.startsWith('/sign-in'))
  return page
}
async function shot(page, name, looks = [[1280,'light'],[360,'dark']]) {
  for (const [w, scheme] of looks) {
    await page.setViewportSize({ width: w, height: 900 }); await page.emulateMedia({ colorScheme: scheme })
    await page.screenshot({ path: `/tmp/shots/talk/${name}-${w}-${scheme}.png`, fullPage: true })
  }
}
const agent = await as('agent@desk.example')
await agent.goto('/queue'); 
const list = await (await fetch(base + '/v1/rotations?limit=100', { headers: { authorization: 'Bearer ' + demo.people.find(p=>p.role==='agent').apiToken } })).json()
const asked = list.items.find(r => r.status === 'needs_info').ref
const waiting = list.items.find(r => r.status === 'submitted').ref
await agent.goto('/rotations/' + waiting); await shot(agent, 'agent-decide', [[1280,'light'],[1280,'dark'],[360,'light'],[360,'dark']])
await agent.getByRole('link', { name: 'Ask the customer' }).click(); await shot(agent, 'agent-ask', [[1280,'light'],[360,'dark']])
await agent.goto('/rotations/' + asked); await shot(agent, 'agent-asked', [[1280,'light'],[1280,'dark'],[360,'light'],[360,'dark']])
const owner = await as('owner@fjord.example')
await owner.goto('/rotations/' + asked); await owner.locator('.answer summary').click(); await shot(owner, 'owner-asked', [[1280,'light'],[1280,'dark'],[360,'light'],[360,'dark']])
const admin = await as('admin@desk.example')
await admin.goto('/desk/canned-answers'); await shot(admin, 'canned')
await browser.close()
