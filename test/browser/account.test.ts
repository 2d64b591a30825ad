import decodeQr from 'qr/decode.js'
import { beforeAll, expect, test } from 'vitest'
import { newestLetter } from '../support/account.ts'
import { expectAccessible, LOOKS, openAs, openVisitor, typeCode, type Visitor } from '../support/browser.ts'
import { openTestDatabase } from '../support/database.ts'
import { openDesk } from '../support/web.ts'
import { type ApiWorld, makeApiWorld } from '../support/worlds/api-world.ts'
import { codeFor, type Enrolled, PASSWORD, unusedCode } from '../support/worlds/people.ts'

const desk = await openDesk(await openTestDatabase())
const { db } = desk.desk
const NEW = 'two otters in a teapot'
let world: ApiWorld

beforeAll(async () => {
  world = await makeApiWorld(desk)
})

/** What a phone's camera reads off the page: the picture as the browser paints it. */
async function scan({ page }: Visitor): Promise<URL> {
  const painted = await page.locator('.qr img').evaluate((image) => {
    if (!(image instanceof HTMLImageElement)) throw new Error('that is no image')
    const [width, height] = [image.width * 2, image.height * 2]
    const canvas = document.createElement('canvas')
    canvas.width = width
    canvas.height = height
    const context = canvas.getContext('2d')
    if (context === null) throw new Error('nothing to paint on')
    context.fillStyle = 'white'
    context.fillRect(0, 0, width, height)
    context.drawImage(image, 0, 0, width, height)
    return { width, height, data: [...context.getImageData(0, 0, width, height).data] }
  })
  return new URL(decodeQr({ ...painted, data: Uint8ClampedArray.from(painted.data) }))
}

/** As after a while: the next page asks for a code. */
async function forgetStepUps(): Promise<void> {
  await db.deleteFrom('stepUp').execute()
}

async function enterPassword(visitor: Visitor, person: Enrolled, password = PASSWORD): Promise<void> {
  await visitor.open('/sign-in')
  await visitor.fill({ 'Email address': person.email, Password: password })
  await visitor.press('Continue')
}

test('a new code device is set up by scanning its QR code, and its codes sign in from then on', async () => {
  const { developer } = world.people
  const visitor = await openAs(desk, developer)
  await forgetStepUps()
  await visitor.open('/account/code-device')
  await expectAccessible(visitor, LOOKS)
  await visitor.press('Continue')
  await visitor.page.getByRole('link', { name: 'Enter the 6 digits' }).waitFor()
  await visitor.fill({ 'Code of the present device, or a recovery code': await unusedCode(db, developer) })
  await visitor.press('Continue')
  await visitor.page.getByText('Connect your authenticator app').waitFor()
  await expectAccessible(visitor, LOOKS)
  const scanned = await scan(visitor)
  expect(scanned.protocol).toBe('otpauth:')
  expect(decodeURIComponent(scanned.pathname)).toContain(developer.email)
  const totpSecret = scanned.searchParams.get('secret') ?? ''
  expect((await visitor.page.locator('.seed').textContent())?.replaceAll(' ', '')).toBe(totpSecret)
  await visitor.fill({ 'One-time code': '000000' })
  await visitor.press('Use the new device')
  await visitor.page.getByRole('link', { name: 'That code was not accepted' }).waitFor()
  expect((await scan(visitor)).href).toBe(scanned.href)
  await visitor.fill({ 'One-time code': codeFor(totpSecret, -1) })
  await visitor.press('Use the new device')
  await visitor.page.getByText('Your code device is replaced.').waitFor()
  await visitor.press('Sign out')
  await enterPassword(visitor, developer)
  await visitor.fill({ 'One-time code': codeFor(totpSecret) })
  await visitor.press('Sign in')
  await visitor.page.getByRole('heading', { name: 'Rotations' }).waitFor()
  expect(visitor.complaints).toEqual([])
})

test('a forgotten password is set anew with the letter’s link and a code', async () => {
  const { viewer } = world.people
  const visitor = await openVisitor(desk)
  await visitor.open('/sign-in')
  await visitor.page.getByRole('link', { name: 'Forgot your password?' }).click()
  await expectAccessible(visitor, LOOKS)
  await visitor.press('Send the link')
  await visitor.page.getByRole('link', { name: 'Enter your email address.' }).waitFor()
  await visitor.fill({ 'Email address': viewer.email })
  await visitor.press('Send the link')
  await visitor.page.getByText('If there is an account of that address').waitFor()
  await expectAccessible(visitor, LOOKS)
  const letter = await newestLetter(db, 'password-reset', viewer.email)
  await visitor.open(String(letter?.facts.path))
  await expectAccessible(visitor, LOOKS)
  await visitor.fill({ 'New password': NEW, 'One-time code': await unusedCode(db, viewer) })
  await visitor.press('Set the password')
  await visitor.page.getByText('Your new password is set').waitFor()
  await expectAccessible(visitor, LOOKS)
  await visitor.page.getByRole('link', { name: 'Sign in' }).click()
  await enterPassword(visitor, viewer, NEW)
  await visitor.fill({ 'One-time code': await unusedCode(db, viewer) })
  await visitor.press('Sign in')
  await visitor.page.getByRole('heading', { name: 'Rotations' }).waitFor()
  expect(visitor.complaints).toEqual([])
})

test('recovery codes are made, kept, and one of them signs in without the device', async () => {
  const { agent } = world.people
  const visitor = await openAs(desk, agent)
  await forgetStepUps()
  await visitor.open('/account/security')
  await visitor.page.getByText('You have no recovery codes.').waitFor()
  await visitor.page.getByRole('link', { name: 'Make recovery codes' }).click()
  await typeCode(desk, visitor, agent)
  await visitor.press('Make ten codes')
  await visitor.page.getByText('They are shown this once.').waitFor()
  await expectAccessible(visitor, LOOKS)
  const codes = await visitor.page.locator('.recovery-codes code').allTextContents()
  expect(codes).toHaveLength(10)
  await visitor.page.getByRole('link', { name: 'I have stored them' }).click()
  await visitor.page.getByText('10 codes left').waitFor()
  await visitor.press('Sign out')
  await enterPassword(visitor, agent)
  await visitor.page.getByRole('link', { name: 'Use a recovery code' }).click()
  await expectAccessible(visitor, LOOKS)
  await visitor.fill({ 'Recovery code': (codes[4] ?? '').toLowerCase() })
  await visitor.press('Sign in')
  await visitor.page.getByText('so no code is needed').waitFor()
  await visitor.open('/account/security')
  await visitor.page.getByText('9 codes left').waitFor()
  expect(visitor.complaints).toEqual([])
})

test('a new address is confirmed by the letter’s link', async () => {
  const { owner } = world.people
  const visitor = await openAs(desk, owner)
  await visitor.open('/account/email')
  await visitor.fill({ 'New email address': 'ada@new.example' })
  await typeCode(desk, visitor, owner)
  await visitor.press('Send the link')
  await visitor.page.getByText('Open the link in the letter to your new address').waitFor()
  const letter = await newestLetter(db, 'email-change', 'ada@new.example')
  await visitor.open(String(letter?.facts.path))
  await expectAccessible(visitor, LOOKS)
  await visitor.press('Use this address')
  await visitor.page.getByText('Your address is changed').waitFor()
  await expectAccessible(visitor, LOOKS)
  await visitor.page.getByRole('link', { name: 'Go to my security' }).click()
  await visitor.page.getByText('ada@new.example').waitFor()
  expect(visitor.complaints).toEqual([])
})

test('a token for a machine is made by the form, which keeps what was typed when something is missing', async () => {
  const { rival } = world.people
  const visitor = await openAs(desk, rival)
  const { page } = visitor
  await visitor.open('/tokens')
  await page.getByRole('link', { name: 'Make a token' }).click()
  await visitor.fill({ Name: 'nightly job' })
  await page.getByLabel('Only what is ticked here').check()
  await page.getByLabel('rotations:file').check()
  await page.getByLabel('A machine uses it unattended').check()
  await typeCode(desk, visitor, rival)
  await visitor.press('Make the token')
  await page.getByRole('link', { name: 'Say which addresses the machine calls from.' }).click()
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('ipRanges')
  expect(await page.getByLabel('rotations:file').isChecked()).toBe(true)
  expect(await page.getByLabel('A machine uses it unattended').isChecked()).toBe(true)
  await expectAccessible(visitor, LOOKS)
  await page.locator('#ipRanges').fill('203.0.113.0/24')
  await typeCode(desk, visitor, rival)
  await visitor.press('Make the token')
  await page.getByText('Your token is ready').waitFor()
  expect(await page.locator('#secret').textContent()).toMatch(/^rkp_/)
  await page.getByRole('link', { name: 'I have stored it' }).click()
  await page.getByText('only from 203.0.113.0/24').waitFor()
  await expectAccessible(visitor, LOOKS)
  expect(visitor.complaints).toEqual([])
})
