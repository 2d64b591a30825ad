import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { CannotStart } from '../../cannot-start.ts'

/**
 * How programs of PostgreSQL are started, which refuses to run as root: `command` goes before the program, `ids` are
 * what the process switches to, and `owner` is whom its files have to belong to (null: whoever makes them).
 */
export type Account = {
  command: readonly string[]
  ids: { uid?: number; gid?: number }
  owner: { uid: number; gid: number } | null
}

type Person = { uid: number; gid: number }

function findUnprivileged(): Person | undefined {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const wanted of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${wanted}:`))?.split(':')
    const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])]
    if (uid > 0 && gid > 0) return { uid, gid }
  }
  return undefined
}

/** Whether the account can run the program and enter the folder: a clone below /root is closed to everybody else. */
function canWork(account: Account, program: string, folder: string): boolean {
  const [file = '', ...rest] = [...account.command, '/bin/sh', '-c', 'cd "$1" && exec "$2" --version', 'sh']
  const tried = spawnSync(file, [...rest, folder, program], { ...account.ids, cwd: '/', stdio: 'ignore' })
  return tried.status === 0
}

/**
 * Whoever runs Rekey, or for root the system's `postgres` or `nobody`. Where these can't reach the files, root goes on
 * without its privileges in a user namespace, and the files stay root's. Throws a sentence when nothing of this works.
 */
export function chooseAccount(program: string, folder: string): Account {
  if (process.getuid?.() !== 0) return { command: [], ids: {}, owner: null }
  const person = findUnprivileged()
  if (person !== undefined) {
    const switched = { command: [], ids: person, owner: person }
    if (canWork(switched, program, folder)) return switched
    const command = ['unshare', '--user', `--map-user=${person.uid}`, '--']
    const mapped = { command, ids: {}, owner: { uid: 0, gid: 0 } }
    if (canWork(mapped, program, folder)) return mapped
  }
  throw new CannotStart(
    `PostgreSQL does not run as root, and no other account can reach ${folder}: start Rekey as an ordinary user, or set DATABASE_URL.`,
  )
}
