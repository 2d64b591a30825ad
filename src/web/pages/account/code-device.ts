import { z } from 'zod'
import {
  beginCodeDevice,
  type Enrolment,
  findNewCodeDevice,
  needsProofForDevice,
  replaceCodeDevice,
} from '../../../identity/account/code-device.ts'
import { type App, bearerOf, type WebContext } from '../../context.ts'
import { orAskAgain, type Problems, readForm } from '../../forms/form.ts'
import { sessionTokenOf, setSession } from '../../session-cookie.ts'
import { shownEnrolment } from '../../shown/enrolment.ts'
import { showPage } from '../../shown/page.ts'
import { wouldBeHeld } from './held.ts'

const proof = z.object({ code: z.string().max(100).default('') })
const firstCode = z.object({ code: z.string().trim().min(1, 'Enter the 6 digits that the new device shows now.') })
const PAGE = '/account/code-device'
const TITLE = 'Replace your code device'

async function askForProof(c: WebContext, problems?: Problems): Promise<Response> {
  const askCode = await needsProofForDevice(c.get('desk').db, bearerOf(c))
  return showPage(c, 'code-device', {
    title: TITLE,
    held: wouldBeHeld(c),
    askCode,
    ...(problems === undefined ? {} : { problems }),
  })
}

function showNewDevice(c: WebContext, enrolment: Enrolment, problems?: Problems): Promise<Response> {
  // It holds the seed.
  c.header('cache-control', 'no-store')
  const enrolled = shownEnrolment(enrolment)
  return showPage(c, 'new-code-device', {
    title: TITLE,
    enrolment: enrolled,
    ...(problems === undefined ? {} : { problems }),
  })
}

async function show(c: WebContext): Promise<Response> {
  const { db, sealer } = c.get('desk')
  const enrolment = await findNewCodeDevice(db, sealer, bearerOf(c))
  return enrolment === null ? askForProof(c) : showNewDevice(c, enrolment)
}

async function begin(c: WebContext): Promise<Response> {
  const bearer = bearerOf(c)
  const { values, problems } = await readForm(c, proof)
  if (problems !== null) return askForProof(c, problems)
  const { db, sealer } = c.get('desk')
  const run = async () => {
    // Sent twice, it has begun already.
    if ((await findNewCodeDevice(db, sealer, bearer)) === null) await beginCodeDevice(db, sealer, bearer, values.code)
    return c.redirect(PAGE, 303)
  }
  return orAskAgain(run, (problems) => askForProof(c, problems))
}

async function finish(c: WebContext): Promise<Response> {
  const bearer = bearerOf(c)
  const { db, sealer } = c.get('desk')
  const { values, problems } = await readForm(c, firstCode)
  const enrolment = await findNewCodeDevice(db, sealer, bearer)
  if (enrolment === null) return c.redirect('/account/security', 303)
  if (problems !== null) return showNewDevice(c, enrolment, problems)
  const run = async () => {
    const given = { sessionToken: sessionTokenOf(c) ?? '', code: values.code }
    const { sessionToken } = await replaceCodeDevice(db, sealer, bearer, given)
    setSession(c, sessionToken)
    return c.redirect('/account/security?done=code-device', 303)
  }
  return orAskAgain(run, (problems) => showNewDevice(c, enrolment, problems))
}

/** Replacing the code device: a proof, then the new device's secret as a QR code, then its first code. */
export function addCodeDevice(app: App): void {
  app.get(PAGE, show)
  app.post(PAGE, begin)
  app.post(`${PAGE}/first-code`, finish)
}
