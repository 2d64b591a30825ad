import { arch, cpus, platform, totalmem } from 'node:os'
import { benchImport } from './import.ts'
import { benchLists } from './lists.ts'
import { benchVerify } from './verify.ts'
import { benchWorker } from './worker.ts'
import { withBenchWorld } from './world.ts'

function show(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`)
}

const gibibytes = Math.round(totalmem() / 2 ** 30)
show([`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, ${gibibytes} GiB, ${platform()} ${arch()}`])
await withBenchWorld(async (world) => {
  show(await benchVerify(world))
  show(await benchWorker(world))
  show(await benchImport(world))
  show(await benchLists(world))
})
