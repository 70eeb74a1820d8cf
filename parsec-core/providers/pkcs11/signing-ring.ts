import { ckr } from './cryptoki.js'
import { CallFailure } from './module-failure.js'
import { control, header, ringSlots, slotAt, type RingMemory } from './ring-layout.js'

interface Waiting {
  readonly key: number
  readonly algorithm: number
  readonly input: Uint8Array
  readonly resolve: (signature: Uint8Array) => void
  readonly reject: (error: Error) => void
}

/** More than the data plane asks for at once, and a bound for whoever else asks. */
const maxWaiting = 4096

/** The main thread's end of the ring. */
export class SigningRing {
  readonly #memory: RingMemory
  /** In the ring, oldest first; undefined for what was given up. */
  readonly #inRing: (Waiting | undefined)[] = []
  readonly #waiting: Waiting[] = []
  #submitted = 0
  #collected = 0

  constructor(memory: RingMemory) {
    this.#memory = memory
    Atomics.store(memory.control, control.mainAsleep, 1)
  }

  /** What has not been answered, given up or not. */
  get pending(): number {
    return this.#inRing.length + this.#waiting.length
  }

  /** Throws `CallFailure`. Whoever calls wakes the worker. */
  sign(key: number, algorithm: number, input: Uint8Array): Promise<Uint8Array> {
    if (this.#waiting.length >= maxWaiting) {
      return Promise.reject(new CallFailure({ returnValue: ckr.CKR_HOST_MEMORY, detail: 'too many signatures wait' }))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, algorithm, input, resolve, reject })
      this.#fill()
    })
  }

  /** Settles what the worker has answered; how many that were. */
  collect(): number {
    let collected = this.#take()
    // Between the last look and this store the worker may have answered and sent no message.
    Atomics.store(this.#memory.control, control.mainAsleep, 1)
    collected += this.#take()
    return collected
  }

  /** Rejects everything: nobody waits for the answers any more, and what was not begun will not be. */
  giveUp(error: Error): void {
    for (const request of [...this.#inRing, ...this.#waiting.splice(0)]) request?.reject(error)
    this.#inRing.fill(undefined)
  }

  #fill(): void {
    while (this.#inRing.length < ringSlots) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      const slot = slotAt(this.#memory, this.#submitted)
      slot.input.set(next.input)
      slot.header[header.key] = next.key
      slot.header[header.algorithm] = next.algorithm
      slot.header[header.inputLength] = next.input.length
      slot.header[header.epoch] = Atomics.load(this.#memory.control, control.epoch)
      this.#inRing.push(next)
      this.#submitted = (this.#submitted + 1) | 0
      Atomics.store(this.#memory.control, control.submitted, this.#submitted)
    }
  }

  #take(): number {
    let taken = 0
    while (this.#collected !== Atomics.load(this.#memory.control, control.done)) {
      const slot = slotAt(this.#memory, this.#collected)
      const returnValue = slot.header[header.returnValue]
      const signature = Uint8Array.from(slot.output.subarray(0, slot.header[header.outputLength]))
      this.#collected = (this.#collected + 1) | 0
      const request = this.#inRing.shift()
      if (returnValue === ckr.CKR_OK) request?.resolve(signature)
      else request?.reject(new CallFailure({ returnValue, detail: 'C_Sign' }))
      taken += 1
    }
    if (taken > 0) this.#fill()
    return taken
  }
}
