import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { CannotStart } from './cannot-start.ts'

// Listening on these is no address to send people to.
const EVERYWHERE = ['0.0.0.0', '::']
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]']

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  )

const masterKey = z
  .string()
  .transform((text) => Buffer.from(text, 'base64'))
  .refine((key) => key.length === 32, 'must be 32 bytes in base64, such as "openssl rand -base64 32" prints')

function isPublicUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  const safe = url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK_NAMES.includes(url.hostname))
  return safe && url.pathname === '/' && url.search === '' && url.username === ''
}

function isNetwork(text: string): boolean {
  return isIP(text) !== 0 || ipaddr.isValidCIDR(text)
}

/** A name or address (IPv6 in brackets), with a port or without. */
function isHost(text: string): boolean {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/i.test(text)
}

const port = z.coerce.number('must be a whole number from 1 to 65535').int().min(1).max(65_535)
const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https address' })

const environment = z.object({
  PORT: port.default(3000),
  HOST: z.string().default('127.0.0.1'),
  PUBLIC_URL: z
    .string()
    .refine(isPublicUrl, 'must be an https address without a path (http only for this machine itself)')
    .optional(),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'must begin with postgres://' }).optional(),
  DATA_DIR: z.string().min(1).default('./data'),
  SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'must begin with smtp:// or smtps://' }).optional(),
  MAIL_FROM: z.email('must be one email address').default('rekey@localhost.localdomain'),
  MAIL_REPLY_TO: z.email('must be one email address').optional(),
  MASTER_KEY: masterKey.optional(),
  MASTER_KEY_PREVIOUS: masterKey.optional(),
  ROLES: list
    .transform((roles) => (roles.length === 0 ? ['web', 'worker'] : roles))
    .pipe(z.array(z.enum(['web', 'worker'], 'must be web, worker or both, with a comma between them'))),
  KEY_PREFIX: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,15}$/, 'must be 1 to 16 lower-case letters and digits, a letter first')
    .refine((prefix) => !['rkp', 'rkg'].includes(prefix), 'must not be rkp or rkg, which are for tokens of the desk')
    .default('rk'),
  TRUSTED_PROXIES: list.refine(
    (all) => all.every(isNetwork),
    'must be addresses or CIDR ranges with commas between them',
  ),
  WEBHOOK_ALLOWED_HOSTS: list.refine(
    (all) => all.every(isHost),
    'must be hosts, each with a port or without, such as "hooks.example.com" or "127.0.0.1:9000", with commas between them',
  ),
  GITHUB_KEYS_URL: httpUrl.optional(),
  LEAK_REPORT_SECRET: z.string().min(24, 'must be at least 24 characters').optional(),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], 'must be trace, debug, info, warn, error or fatal')
    .default('info'),
})

/** Everything that can be set from outside, checked and frozen. */
export type Config = Readonly<{
  port: number
  host: string
  publicUrl: string
  databaseUrl: string | undefined
  dataDir: string
  smtpUrl: string | undefined
  mailFrom: string
  mailReplyTo: string | undefined
  masterKey: Buffer
  masterKeyPrevious: Buffer | undefined
  roles: readonly ('web' | 'worker')[]
  keyPrefix: string
  trustedProxies: readonly string[]
  webhookAllowedHosts: readonly string[]
  /** Where GitHub lists the keys it signs leak reports with; undefined: none are taken. */
  githubKeysUrl: string | undefined
  /** What other leak reports are signed with; undefined: none are taken. */
  leakReportSecret: string | undefined
  logLevel: string
}>

/** The key in `DATA_DIR/master.key`, made on the first start and readable by its owner alone. */
function storedMasterKey(dataDir: string): Buffer {
  const file = join(dataDir, 'master.key')
  try {
    writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  const key = Buffer.from(readFileSync(file, 'utf8'), 'base64')
  if (key.length !== 32) throw new CannotStart(`${file} must hold 32 bytes in base64; restore it or set MASTER_KEY.`)
  return key
}

/** Reads the environment. Throws `CannotStart` with one sentence for each bad value. */
export function readConfig(variables: NodeJS.ProcessEnv = process.env): Config {
  const filled = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''))
  const parsed = environment.safeParse(filled)
  if (!parsed.success) {
    const sentences = parsed.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}.`)
    throw new CannotStart([...new Set(sentences)].join('\n'))
  }
  const env = parsed.data
  const dataDir = resolve(env.DATA_DIR)
  mkdirSync(dataDir, { recursive: true })
  const host = EVERYWHERE.includes(env.HOST) ? '127.0.0.1' : env.HOST
  const shownHost = host.includes(':') ? `[${host}]` : host
  return Object.freeze({
    port: env.PORT,
    host: env.HOST,
    publicUrl: new URL(env.PUBLIC_URL ?? `http://${shownHost}:${env.PORT}`).origin,
    databaseUrl: env.DATABASE_URL,
    dataDir,
    smtpUrl: env.SMTP_URL,
    mailFrom: env.MAIL_FROM,
    mailReplyTo: env.MAIL_REPLY_TO,
    masterKey: env.MASTER_KEY ?? storedMasterKey(dataDir),
    masterKeyPrevious: env.MASTER_KEY_PREVIOUS,
    roles: env.ROLES,
    keyPrefix: env.KEY_PREFIX,
    trustedProxies: env.TRUSTED_PROXIES,
    webhookAllowedHosts: env.WEBHOOK_ALLOWED_HOSTS,
    githubKeysUrl: env.GITHUB_KEYS_URL,
    leakReportSecret: env.LEAK_REPORT_SECRET,
    logLevel: env.LOG_LEVEL,
  })
}
