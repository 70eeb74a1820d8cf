import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { forgetStuckCall, noteStuckCall } from '../../stuck-calls.js'
import { CallFailure, ModuleLost } from './module-failure.js'
import { workerProgram } from './module-programs.js'
import type { CallMessage, ModuleCallName, ModuleCalls, WorkerMessage, WorkerSettings } from './protocol.js'
import { control, newRingMemory, viewRing } from './ring-layout.js'
import { SigningRing } from './signing-ring.js'

interface PendingCall {
  readonly slow: boolean
  /** The key it makes: one that nobody waits for any more is destroyed when the answer comes after all. */
  readonly makes: MadeKey | undefined
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** Making an RSA key takes a smart card a minute, and one call bears the operation timeout of a signature. */
const slowFactor = 12
const slowCalls: ReadonlySet<ModuleCallName> = new Set(['openToken', 'generateKey', 'importKey', 'initializeAgain'])

interface MadeKey {
  readonly token: number
  readonly id: Uint8Array
}

/** A thread and its program take time to start, which says nothing of the module. */
export const minStartMs = 5_000

/** What the users of a module hear of it. */
export interface ModuleListener {
  /** Nothing is answered; every call under way failed with `ModuleLost`. */
  onLost(reason: string): void
  /** The call that did not return has returned. */
  onReturned(): void
}

/**
 * The main thread's side of a module: calls as promises over the worker, and the watch over it. A call that does not
 * return within the timeout loses the module until it does: the thread inside it cannot be ended.
 */
export class ModuleHost {
  readonly module: string
  #timeoutMs: number
  readonly #worker: Worker
  readonly #ring: SigningRing
  readonly #control: Int32Array
  readonly #calls = new Map<number, PendingCall>()
  readonly #unwanted = new Map<number, MadeKey>()
  readonly #listeners = new Set<ModuleListener>()
  #lastCall = 0
  #lastProgress = 0
  #watch: NodeJS.Timeout | undefined
  /** Why nothing is answered now. */
  #lost: string | undefined
  #ended = false
  #closing = false

  private constructor(module: string, timeoutMs: number, memory: SharedArrayBuffer) {
    this.module = module
    this.#timeoutMs = timeoutMs
    const workerData: WorkerSettings = { module, memory }
    this.#worker = new Worker(workerProgram(), { workerData, execArgv: [], name: 'pkcs11' })
    const ring = viewRing(memory)
    this.#control = ring.control
    this.#ring = new SigningRing(ring)
  }

  /** Starts the worker of a module that `probeModule` found usable. Throws `CallFailure` or `ModuleLost`. */
  static async start(module: string, timeoutMs: number): Promise<ModuleHost> {
    const host = new ModuleHost(module, timeoutMs, newRingMemory())
    await host.#started()
    return host
  }

  /** Whether it can still be asked, now or when its call returns. */
  get ended(): boolean {
    return this.#ended
  }

  /** Why nothing is answered; undefined when all is well. */
  get lost(): string | undefined {
    return this.#lost
  }

  /** A module has one watch: the most patient of its users sets it. */
  allow(timeoutMs: number): void {
    this.#timeoutMs = Math.max(this.#timeoutMs, timeoutMs)
  }

  listen(listener: ModuleListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Throws `CallFailure` when the module refuses, `ModuleLost` when it does not answer. */
  async call<Name extends ModuleCallName>(
    name: Name,
    request: ModuleCalls[Name]['request'],
    moved: readonly ArrayBuffer[] = [],
  ): Promise<ModuleCalls[Name]['answer']> {
    this.#requireAnswering()
    this.#lastCall += 1
    const id = this.#lastCall
    const message: CallMessage<Name> = { id, name, request, epoch: Atomics.load(this.#control, control.epoch) }
    const answered = new Promise<unknown>((resolve, reject) => {
      this.#calls.set(id, { slow: slowCalls.has(name), makes: madeKey(request), resolve, reject })
    })
    this.#begin()
    this.#worker.postMessage(message, [...moved])
    this.#wake()
    return (await answered) as ModuleCalls[Name]['answer']
  }

  /** A signature as the mechanism makes it. Throws as `call` does. */
  async sign(key: number, algorithm: number, input: Uint8Array): Promise<Uint8Array> {
    this.#requireAnswering()
    const signature = this.#ring.sign(key, algorithm, input)
    this.#begin()
    this.#wake()
    return signature
  }

  /** Finalises the module and ends the worker; one that is stuck, or gets so now, is left where it is. Never throws. */
  async close(): Promise<void> {
    if (this.#lost !== undefined) return
    this.#closing = true
    const exit = once(this.#worker, 'exit')
    const refused = await this.call('finalize', {}).catch((error: unknown) => error)
    if (refused instanceof ModuleLost) return
    this.#worker.ref()
    await exit
  }

  #requireAnswering(): void {
    if (this.#lost !== undefined) throw new ModuleLost(this.#lost)
  }

  #wake(): void {
    Atomics.add(this.#control, control.wake, 1)
    Atomics.notify(this.#control, control.wake)
  }

  /** Only what is under way keeps the process alive. */
  #begin(): void {
    if (this.#watch !== undefined) return
    this.#worker.ref()
    this.#lastProgress = performance.now()
    this.#armWatch(this.#allowedMs())
  }

  #progress(): void {
    this.#lastProgress = performance.now()
    if (this.#pending > 0) return
    clearTimeout(this.#watch)
    this.#watch = undefined
    this.#worker.unref()
  }

  get #pending(): number {
    return this.#calls.size + this.#ring.pending
  }

  #allowedMs(): number {
    const slow = [...this.#calls.values()].some((call) => call.slow)
    return slow ? this.#timeoutMs * slowFactor : this.#timeoutMs
  }

  /** Since the last answer, not since a request: those behind a slow one wait without the module being stuck. */
  #armWatch(inMs: number): void {
    this.#watch = setTimeout(() => {
      const leftMs = this.#lastProgress + this.#allowedMs() - performance.now()
      if (leftMs > 0) this.#armWatch(leftMs)
      else this.#loseForNow()
    }, inMs)
    this.#watch.unref()
  }

  #loseForNow(): void {
    const reason = `a call into "${this.module}" has not returned for ${Math.round(this.#allowedMs())} ms`
    noteStuckCall(this, reason)
    this.#fail(reason)
  }

  #fail(reason: string): void {
    this.#lost = reason
    clearTimeout(this.#watch)
    this.#watch = undefined
    this.#worker.unref()
    Atomics.add(this.#control, control.epoch, 1)
    const error = new ModuleLost(reason)
    for (const [id, call] of this.#calls) {
      if (call.makes) this.#unwanted.set(id, call.makes)
      call.reject(error)
    }
    this.#calls.clear()
    this.#ring.giveUp(error)
    for (const listener of this.#listeners) listener.onLost(reason)
  }

  #onMessage(message: WorkerMessage): void {
    if (message.kind === 'answered' || message.kind === 'failed') this.#settle(message)
    this.#ring.collect()
    if (this.#lost === undefined) this.#progress()
    else this.#returned()
  }

  #settle(message: Extract<WorkerMessage, { readonly id: number }>): void {
    const call = this.#calls.get(message.id)
    this.#calls.delete(message.id)
    if (message.kind === 'answered') call?.resolve(message.value)
    else call?.reject(new CallFailure(message.fault))
  }

  #returned(): void {
    forgetStuckCall(this)
    this.#lost = undefined
    const unwanted = [...this.#unwanted.values()]
    this.#unwanted.clear()
    // A key that stays is found as an orphan, like one that a crash left.
    for (const key of unwanted) this.call('destroyKey', key).catch(() => undefined)
    for (const listener of this.#listeners) listener.onReturned()
  }

  #onExit(): void {
    this.#ended = true
    forgetStuckCall(this)
    if (!this.#closing) this.#fail(`the thread of "${this.module}" has ended`)
  }

  #started(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#loseForNow()
          reject(new ModuleLost(this.#lost))
        },
        Math.max(this.#timeoutMs, minStartMs),
      )
      // Its exit follows, and says that the module is lost.
      this.#worker.on('error', reject)
      this.#worker.once('exit', () => this.#onExit())
      this.#worker.once('message', (message: WorkerMessage) => {
        clearTimeout(timer)
        this.#worker.on('message', (later: WorkerMessage) => this.#onMessage(later))
        this.#worker.unref()
        if (message.kind === 'started' && message.fault) reject(new CallFailure(message.fault))
        else resolve()
      })
    })
  }
}

function madeKey(request: object): MadeKey | undefined {
  const { token, key } = request as { readonly token?: unknown; readonly key?: unknown }
  if (typeof token !== 'number' || typeof key !== 'object' || key === null || !('id' in key)) return undefined
  return key.id instanceof Uint8Array ? { token, id: key.id } : undefined
}
