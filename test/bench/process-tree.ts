import { readdirSync, readFileSync } from 'node:fs'

/** The kernel's interface counts in hundredths of a second on every architecture. */
const ticksPerSecond = 100

/** Positions in /proc/PID/stat behind the command's closing parenthesis. */
const parentField = 1
const firstTimeField = 11
const timeFields = 4

function statFields(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined // it ended between the listing and the reading
  }
}

/** `root` and all its living descendants. */
function processTree(root: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const parent = Number.isInteger(pid) ? statFields(pid)?.[parentField] : undefined
    if (parent !== undefined) parents.set(pid, Number(parent))
  }
  const belongs = (pid: number | undefined): boolean => pid !== undefined && (pid === root || belongs(parents.get(pid)))
  return [...parents.keys()].filter((pid) => belongs(pid))
}

/** User and system time of the whole tree in seconds, children that have ended included. */
export function cpuSeconds(root: number): number {
  const ticks = processTree(root).flatMap((pid) => (statFields(pid) ?? []).slice(firstTimeField).slice(0, timeFields))
  return ticks.reduce((total, field) => total + Number(field), 0) / ticksPerSecond
}

/** Time that all living threads of one process have run, in milliseconds and, unlike `cpuSeconds`, to the nanosecond. */
export function threadsMs(pid: number): number {
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0]),
  )
  return nanoseconds.reduce((total, part) => total + part, 0) / 1e6
}

/**
 * Time that the threads of one process beside its first were ready to run and waited for a processor, in milliseconds:
 * in a process on Node those that carry the bytes, and not the one that runs JavaScript.
 */
export function otherThreadsWaitMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`).filter((thread) => Number(thread) !== pid)
  const nanoseconds = threads.map((thread) => {
    try {
      return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 2)[1])
    } catch {
      return 0 // it ended between the listing and the reading
    }
  })
  return nanoseconds.reduce((total, part) => total + part, 0) / 1e6
}

function smapsKilobytes(rollup: string, pattern: RegExp): number {
  return [...rollup.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0)
}

/** Resident bytes of the whole tree; pages that its processes share with each other are counted once. */
export function residentBytes(root: number): number {
  let ofOneProcess = 0
  let shared = 0
  for (const pid of processTree(root)) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
    ofOneProcess += smapsKilobytes(rollup, /^Private_(?:Clean|Dirty): +(\d+) kB$/gm)
    shared = Math.max(shared, smapsKilobytes(rollup, /^Shared_(?:Clean|Dirty): +(\d+) kB$/gm))
  }
  return (ofOneProcess + shared) * 1024
}
