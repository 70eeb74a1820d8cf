/**
 * Requests under way at once to one authority. A thousand identities that start, or lose their authority, together
 * would else wait in its line with their deadlines running, be given up, and ask again for what was already signed.
 */
const atOnce = 32

interface Queue {
  underway: number
  readonly waiting: Set<() => void>
}

/** By the authority's address; gone when nobody asks it anything. */
const queues = new Map<string, Queue>()

/**
 * Waits for a turn at the authority, in the order of asking; the caller calls what it resolves with when it is done.
 * Throws the signal's reason when that fires first.
 */
export async function takeTurn(target: string, signal: AbortSignal): Promise<() => void> {
  signal.throwIfAborted()
  const queue = queues.get(target) ?? { underway: 0, waiting: new Set() }
  queues.set(target, queue)
  if (queue.underway < atOnce) queue.underway += 1
  else await waitIn(queue, signal)
  let done = false
  return () => {
    if (done) return
    done = true
    leave(target, queue)
  }
}

function waitIn({ waiting }: Queue, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const turn = () => {
      signal.removeEventListener('abort', abort)
      resolve()
    }
    const abort = () => {
      waiting.delete(turn)
      reject(signal.reason)
    }
    waiting.add(turn)
    signal.addEventListener('abort', abort, { once: true })
  })
}

/** Whoever waits longest takes the place over. */
function leave(target: string, queue: Queue): void {
  for (const turn of queue.waiting) {
    queue.waiting.delete(turn)
    turn()
    return
  }
  queue.underway -= 1
  if (queue.underway === 0) queues.delete(target)
}
