import { expect, test } from 'vitest'
import { API_ROUTES } from '../../src/web/api/routes.ts'
import { openVisitor } from '../support/browser.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'

const desk = await openDesk(await openTestDatabase())

test('the API’s document is read and tried out under the strict policy, from this desk alone', async () => {
  const visitor = await openVisitor(desk)
  const { page } = visitor
  const elsewhere: string[] = []
  page.on('request', (request) => {
    if (!request.url().startsWith(desk.url) && !request.url().startsWith('data:')) elsewhere.push(request.url())
  })
  await visitor.open('/docs')
  await page.locator('.opblock').first().waitFor()
  expect(await page.locator('.opblock').count()).toBe(API_ROUTES.length)
  await page.locator('.opblock-summary').first().click()
  await page.getByRole('button', { name: 'Try it out' }).click()
  await page.getByRole('button', { name: 'Execute' }).click()
  await page.locator('.live-responses-table').waitFor()
  expect(await page.locator('.live-responses-table').first().textContent()).toContain('"status": "up"')
  expect([visitor.complaints, elsewhere]).toEqual([[], []])
})

test('another name of this machine leads to PUBLIC_URL, where the session belongs', async () => {
  const visitor = await openVisitor(desk)
  await visitor.open(`${desk.url.replace('127.0.0.1', 'localhost')}/set-up?x=1`)
  expect(visitor.page.url()).toBe(`${desk.url}/set-up?x=1`)
})
