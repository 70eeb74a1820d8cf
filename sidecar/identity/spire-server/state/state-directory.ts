import { chmod, lstat, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { lockFile, type FileLock } from '../../../../native/index.js'
import type { TrustDomain } from '../../../../workload-api/index.js'
import { errorText } from '../../../log/logger.js'
import { SpireError } from '../spire-error.js'
import { readState, writeState, type AgentState } from './agent-state.js'

const stateFile = 'agent.json'
const lockName = 'lock'
const socketFolder = 'channel'

/** One identity's directory (0700), locked for this process: two agents with one SVID would put each other out. */
export class StateDirectory {
  readonly path: string
  readonly #lock: FileLock
  #sockets = 0

  private constructor(path: string, lock: FileLock) {
    this.path = path
    this.#lock = lock
  }

  /** Throws `SpireError` (`ERR_SPIRE_STATE`). */
  static async open(path: string): Promise<StateDirectory> {
    const lock = await during(`use the state directory "${path}"`, async () => {
      await mkdir(path, { recursive: true, mode: 0o700 })
      const { uid } = await lstat(path)
      // Who owns it could put an agent of his own, and a bundle, in place of ours.
      if (uid !== process.geteuid?.()) throw new SpireError('ERR_SPIRE_STATE', `"${path}" belongs to uid ${uid}`)
      await chmod(path, 0o700)
      return lockFile(join(path, lockName))
    })
    if (lock === undefined) {
      throw new SpireError(
        'ERR_SPIRE_STATE',
        `the state directory "${path}" is in use: is another svidecar running with it?`,
      )
    }
    try {
      await during(`use the state directory "${path}"`, async () => {
        // Sockets of a process that was killed.
        await rm(join(path, socketFolder), { recursive: true, force: true })
        await mkdir(join(path, socketFolder), { mode: 0o700 })
      })
      return new StateDirectory(path, lock)
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** Undefined before the first `save`. Throws `SpireError`. */
  async load(trustDomain: TrustDomain): Promise<AgentState | undefined> {
    const path = join(this.path, stateFile)
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw stateError(`read "${path}"`, error)
    }
    return readState(text, trustDomain, path)
  }

  /** The state is on the disk when this resolves, or the one before is. Throws `SpireError`. */
  async save(state: AgentState): Promise<void> {
    const path = join(this.path, stateFile)
    await during(`write "${path}"`, async () => {
      await writeFileAtomic(path, writeState(state), { mode: 0o600 })
      // A rename is on the disk only once its directory is.
      const handle = await open(this.path, 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    })
  }

  /** A path for a socket that nobody else can reach; a new one each time. */
  nextSocketPath(): string {
    this.#sockets += 1
    return join(this.path, socketFolder, String(this.#sockets))
  }

  close(): void {
    this.#lock.release()
  }
}

async function during<Value>(what: string, step: () => Promise<Value>): Promise<Value> {
  try {
    return await step()
  } catch (error) {
    throw error instanceof SpireError ? error : stateError(what, error)
  }
}

function stateError(what: string, cause: unknown): SpireError {
  return new SpireError('ERR_SPIRE_STATE', `cannot ${what}: ${errorText(cause)}`, { cause })
}
