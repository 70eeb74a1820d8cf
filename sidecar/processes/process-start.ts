import { readFile } from 'node:fs/promises'
import { systemCode } from '../outputs/errors.js'

/** Linux shows times to programs in hundredths of a second (USER_HZ), whatever the kernel's own clock is. */
const tickMs = 10

/** A process told apart from every other that ever has its number. */
export interface StartedProcess {
  readonly pid: number
  /** Clock ticks since the machine started (proc(5), field 22 of stat). */
  readonly startTicks: number
  /** The same by the wall clock, to about a second. */
  readonly startedAt: Date
}

/** Undefined when there is no such process. Throws the system's error where /proc does not show processes. */
export async function findProcess(pid: number): Promise<StartedProcess | undefined> {
  const boot = await bootTime()
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in parentheses, which may itself have spaces and parentheses in it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const startTicks = Number(fields[22 - 3])
    return { pid, startTicks, startedAt: new Date(boot + startTicks * tickMs) }
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ESRCH') return undefined
    throw error
  }
}

async function bootTime(): Promise<number> {
  const [, seconds] = /^btime (\d+)$/m.exec(await readFile('/proc/stat', 'latin1')) ?? []
  return Number(seconds) * 1000
}
