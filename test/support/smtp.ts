import type { AddressInfo } from 'node:net'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'
import { afterAll } from 'vitest'

/** What the server does with the next mail; `drop` takes it and then hangs up instead of answering. */
export type Answer =
  | { does: 'accept' }
  | { does: 'refuse'; code: number; at: 'recipient' | 'data' }
  | { does: 'drop' }
  | { does: 'stall'; milliseconds: number }

export type ReceivedMail = {
  /** The recipients of the envelope: who would really get it. */
  recipients: string[]
  sender: string
  raw: string
  parsed: Email
  /** Whether the server told the desk that it had accepted the mail. */
  answered: boolean
  header(name: string): string | undefined
}

export type MailServer = {
  /** For `SMTP_URL`. */
  url: string
  received: ReceivedMail[]
  /** Decides on each mail; `recipient` is the envelope's. */
  answer: (recipient: string) => Answer
  /** The most connections that were open at a time. */
  peak: number
  stop(): Promise<void>
  /** Listens on the same port again. */
  start(): Promise<void>
  /** The mails to `address`, in the order they came. */
  to(address: string): ReceivedMail[]
}

const HOST = '127.0.0.1'

function smtpError(code: number): Error {
  return Object.assign(new Error('refused by the test'), { responseCode: code })
}

async function readAll(stream: SMTPServerDataStream): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('latin1')
}

async function receive(raw: string, session: SMTPServerSession): Promise<Omit<ReceivedMail, 'answered'>> {
  const parsed = await PostalMime.parse(Buffer.from(raw, 'latin1'))
  return {
    recipients: session.envelope.rcptTo.map((recipient) => recipient.address),
    sender: session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address,
    raw,
    parsed,
    header: (name) => parsed.headers.find((header) => header.key === name.toLowerCase())?.value,
  }
}

function socketOf(server: SMTPServer, session: SMTPServerSession) {
  return [...server.connections].find((connection) => connection.session.id === session.id)?._socket
}

function isConnected(server: SMTPServer, session: SMTPServerSession): boolean {
  return socketOf(server, session)?.destroyed === false
}

function hangUp(server: SMTPServer, session: SMTPServerSession): void {
  socketOf(server, session)?.destroy()
}

function listen(server: SMTPServer, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, resolve)
  })
}

function close(server: SMTPServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    for (const connection of server.connections) connection._socket.destroy()
  })
}

function portOf(server: SMTPServer): number {
  const address: string | AddressInfo | null = server.server.address()
  if (address === null || typeof address === 'string') throw new Error('the mail server has no port')
  return address.port
}

function createServer(mails: MailServer): SMTPServer {
  const server: SMTPServer = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 100,
    onConnect(_session, callback) {
      mails.peak = Math.max(mails.peak, server.connections.size)
      callback()
    },
    onRcptTo(address, _session, callback) {
      const answer = mails.answer(address.address)
      const refused = answer.does === 'refuse' && answer.at === 'recipient'
      callback(refused ? smtpError(answer.code) : null)
    },
    async onData(stream, session, callback) {
      // A client that dies in the middle of its mail breaks the stream; the mail then never came.
      const raw = await readAll(stream).catch(() => null)
      if (raw === null) return callback(smtpError(451))
      const answer = mails.answer(session.envelope.rcptTo[0]?.address ?? '')
      if (answer.does === 'refuse') return callback(smtpError(answer.code))
      if (answer.does === 'stall') await new Promise((resolve) => setTimeout(resolve, answer.milliseconds))
      const mail = await receive(raw, session)
      mails.received.push({ ...mail, answered: answer.does !== 'drop' && isConnected(server, session) })
      if (answer.does === 'drop') hangUp(server, session)
      else callback()
    },
  })
  server.on('error', () => {})
  return server
}

/** A real mail server on a port of its own, which accepts everything until told otherwise. Closed after the file. */
export async function startMailServer(): Promise<MailServer> {
  let server: SMTPServer
  let port = 0
  const mails: MailServer = {
    url: '',
    received: [],
    answer: () => ({ does: 'accept' }),
    peak: 0,
    stop: () => close(server),
    async start() {
      server = createServer(mails)
      await listen(server, port)
      port = portOf(server)
      mails.url = `smtp://${HOST}:${port}`
    },
    to: (address) => mails.received.filter((mail) => mail.recipients.includes(address)),
  }
  await mails.start()
  afterAll(() => mails.stop())
  return mails
}
