/**
 * The process groups that must not outlive this process, however it ends by its own will: `process.exit` at a second
 * stop signal, an error nobody caught. Of SIGKILL a process hears nothing; there the children stay.
 */
const groups = new Set<number>()
let isWatching = false

export function watchGroup(pid: number): void {
  groups.add(pid)
  if (isWatching) return
  isWatching = true
  process.on('exit', () => {
    for (const group of groups) signalGroup(group, 'SIGKILL')
  })
}

export function forgetGroup(pid: number): void {
  groups.delete(pid)
}

/** Whether anybody was there to be signalled; signal 0 only asks. */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  return signalProcess(-pid, signal)
}

/** Like `signalGroup`, of one process. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    // ESRCH: it is gone. EPERM: it took another user's rights, and so is not ours to signal.
    return false
  }
}
