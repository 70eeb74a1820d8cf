import { StateDirectory } from './state-directory.js'

/** A directory and whoever in this process wants it, the newest last. */
interface Shared {
  readonly opened: Promise<StateDirectory>
  readonly holders: StateLease[]
  readonly waiting: Set<() => void>
  /** The one whose turn it is, and whose it was last. */
  busy: StateLease | undefined
  last: StateLease | undefined
}

const directories = new Map<string, Shared>()

/** A turn at a directory. */
export interface Turn {
  readonly directory: StateDirectory
  /** Somebody else had a turn since: what is remembered of the state may be old. */
  readonly othersWrote: boolean
  end(): void
}

/**
 * A share in a state directory. A reload makes the new source of an identity beside the old one: the newest has the
 * turns, and when it goes, because the reload was refused, the one before has them again.
 */
export class StateLease {
  readonly #path: string
  #shared: Shared | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** Throws `SpireError` (`ERR_SPIRE_STATE`), or the signal's reason when it fires first. */
  async turn(signal: AbortSignal): Promise<Turn> {
    const shared = this.#join()
    let directory: StateDirectory
    try {
      directory = await shared.opened
    } catch (error) {
      this.close()
      throw error
    }
    while (shared.holders.at(-1) !== this || shared.busy !== undefined) await changeOf(shared, signal)
    signal.throwIfAborted()
    const othersWrote = shared.last !== this
    shared.busy = this
    shared.last = this
    return {
      directory,
      othersWrote,
      end: () => {
        shared.busy = undefined
        wake(shared)
      },
    }
  }

  /** Not during a turn. */
  close(): void {
    const shared = this.#shared
    this.#shared = undefined
    if (shared === undefined) return
    shared.holders.splice(shared.holders.indexOf(this), 1)
    wake(shared)
    if (shared.holders.length > 0) return
    directories.delete(this.#path)
    shared.opened.then(
      (directory) => directory.close(),
      () => {},
    )
  }

  #join(): Shared {
    if (this.#shared !== undefined) return this.#shared
    const shared: Shared = directories.get(this.#path) ?? {
      opened: StateDirectory.open(this.#path),
      holders: [],
      waiting: new Set(),
      busy: undefined,
      last: undefined,
    }
    directories.set(this.#path, shared)
    shared.holders.push(this)
    this.#shared = shared
    return shared
  }
}

function wake(shared: Shared): void {
  for (const resume of shared.waiting) resume()
  shared.waiting.clear()
}

function changeOf(shared: Shared, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const resume = () => {
      signal.removeEventListener('abort', abort)
      resolve()
    }
    const abort = () => {
      shared.waiting.delete(resume)
      reject(signal.reason)
    }
    shared.waiting.add(resume)
    signal.addEventListener('abort', abort, { once: true })
  })
}
