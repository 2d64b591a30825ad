import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import PostalMime, { type Address, type Email } from 'postal-mime'
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server'

const MAX_LETTER_BYTES = 1_048_576

/** A letter as it was received; addresses are bare, header names lower-case. */
export type InboxLetter = {
  to: string[]
  from: string
  subject: string
  text: string
  html: string
  messageId: string
  headers: Record<string, string>
  receivedAt: string
}

export type Inbox = {
  smtpUrl: string
  /** Newest first. */
  letters: () => InboxLetter[]
  /** By their place in the order of arrival, which they keep over a restart. */
  numbered: () => ReadonlyMap<number, InboxLetter>
  stop: () => Promise<void>
}

function addressesOf(addresses: readonly Address[]): string[] {
  return addresses.flatMap((each) => each.address ?? each.group?.map((member) => member.address) ?? [])
}

function toLetter(email: Email, receivedAt: string): InboxLetter {
  const headers: Record<string, string> = {}
  for (const { key, value } of email.headers) headers[key] = key in headers ? `${headers[key]}, ${value}` : value
  return {
    to: addressesOf(email.to ?? []),
    from: addressesOf(email.from === undefined ? [] : [email.from]).join(', '),
    subject: email.subject ?? '',
    text: email.text ?? '',
    html: email.html ?? '',
    messageId: email.messageId ?? '',
    headers,
    receivedAt,
  }
}

async function readStream(stream: SMTPServerDataStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  if (stream.sizeExceeded) throw Object.assign(new Error('The letter is too large.'), { responseCode: 552 })
  return Buffer.concat(chunks)
}

/** The letters that an earlier start kept: one file each, named after its place in the order of arrival and its time. */
async function readKept(folder: string): Promise<Map<number, InboxLetter>> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const files = (await readdir(folder)).filter((file) => file.endsWith('.eml')).toSorted()
  const read = files.map(async (file) => {
    const [place = '', time] = file.split(/[-.]/)
    const email = await PostalMime.parse(await readFile(join(folder, file)))
    return [Number(place), toLetter(email, new Date(Number(time)).toISOString())] as const
  })
  return new Map(await Promise.all(read))
}

async function keep(folder: string, raw: Buffer, place: number): Promise<InboxLetter> {
  const now = Date.now()
  const email = await PostalMime.parse(raw)
  const path = join(folder, `${String(place).padStart(9, '0')}-${now}.eml`)
  await writeFile(`${path}.part`, raw, { mode: 0o600 })
  await rename(`${path}.part`, path)
  return toLetter(email, new Date(now).toISOString())
}

function listenSomewhere(server: SMTPServer): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const listener = server.listen(0, '127.0.0.1', () => {
      const address = listener.address()
      if (address === null || typeof address === 'string') reject(new Error('the inbox got no port'))
      else resolve(address.port)
    })
  })
}

/** A mail server of its own on this machine that takes every letter, keeps it in `folder`, and passes none on. */
export async function startInbox(folder: string): Promise<Inbox> {
  const letters = await readKept(folder)
  let place = Math.max(0, ...letters.keys())
  const server = new SMTPServer({
    logger: false,
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    size: MAX_LETTER_BYTES,
    closeTimeout: 2_000,
    onData(stream, _session, done) {
      async function take(): Promise<void> {
        const raw = await readStream(stream)
        place += 1
        const own = place
        letters.set(own, await keep(folder, raw, own))
      }
      take().then(() => done(), done)
    },
  })
  const port = await listenSomewhere(server)
  server.on('error', () => {})
  return {
    smtpUrl: `smtp://127.0.0.1:${port}`,
    letters: () => [...letters].toSorted(([a], [b]) => b - a).map(([, letter]) => letter),
    numbered: () => letters,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
