import { type DestinationStream, type Logger, pino } from 'pino'

/** The only fields a log line may carry. What is not named here is dropped, whoever logs it. */
const ALLOWED = [
  'event',
  'requestId',
  'method',
  'route',
  'status',
  'milliseconds',
  'rotation',
  'item',
  'letter',
  'webhook',
  'kind',
  'attempts',
  'count',
  'code',
  'error',
  'stack',
  'address',
  'setUpCode',
] as const
export type LogFields = { event: string } & Partial<Record<(typeof ALLOWED)[number], string | number | undefined>>
export type Log = Record<'debug' | 'info' | 'warn' | 'error', (fields: LogFields) => void>

const SECRET = /(?:[a-z][a-z0-9]*_(?:auth|admin)_(?:live|sandbox)|rk[pg]|whsec)_[0-9A-Za-z+/=]{6,}/g

/** Text with whatever looks like a key or token taken out; for messages that others wrote, such as a driver's errors. */
export function scrub(text: string): string {
  return text.replace(SECRET, '[secret]')
}

function allowed(fields: LogFields): Record<string, string | number> {
  const line: Record<string, string | number> = {}
  for (const name of ALLOWED) {
    const value = fields[name]
    if (value !== undefined) line[name] = typeof value === 'string' && name !== 'setUpCode' ? scrub(value) : value
  }
  return line
}

/** The fields that tell of an error: its code and scrubbed message and stack, never its other properties. */
export function errorFields(error: unknown): Pick<LogFields, 'error' | 'code' | 'stack'> {
  if (!(error instanceof Error)) return { error: scrub(String(error)) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { error: scrub(error.message), code, stack: scrub(error.stack ?? '') }
}

/** JSON lines on standard output (or `destination`), by allow-list. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  const logger: Logger = destination === undefined ? pino(options) : pino(options, destination)
  return {
    debug: (fields) => logger.debug(allowed(fields)),
    info: (fields) => logger.info(allowed(fields)),
    warn: (fields) => logger.warn(allowed(fields)),
    error: (fields) => logger.error(allowed(fields)),
  }
}
