import { setTimeout as sleep } from 'node:timers/promises'

/** Whether `work` ended, however, within that many milliseconds; it is not ended by this. */
export async function finishedWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const patience = new AbortController()
  const ended = work.then(
    () => true,
    () => true,
  )
  const expired = sleep(milliseconds, false, { signal: patience.signal }).catch(() => false)
  try {
    return await Promise.race([ended, expired])
  } finally {
    patience.abort()
  }
}
