/**
 * The memory main thread and worker share: signatures go through it instead of through messages, which cost half as
 * much again as a software token's signature itself. A ring of slots; the main thread fills, the worker answers in the
 * same slot, in order. Hashes and signatures only: nothing in it is secret.
 */

/** A power of two, so that counters may wrap. */
export const ringSlots = 64

/** Indices into the control words (Int32, for `Atomics.wait`). */
export const control = {
  /** Counts everything given to the worker, ring or message; the worker sleeps on it. */
  wake: 0,
  submitted: 1,
  done: 2,
  /** 1: the main thread is not collecting, and wants a message for the next answer. */
  mainAsleep: 3,
  /** Raised when what is under way was given up: older requests are not begun. */
  epoch: 4,
} as const

const controlBytes = 64
const headerWords = 6
const headerBytes = headerWords * 4
/** A DigestInfo of SHA-512 has 83 bytes, a hash fewer. */
const inputBytes = 104
/** RSA of 4096 bits. */
const outputBytes = 512
const slotBytes = headerBytes + inputBytes + outputBytes

/** Indices into a slot's header (Uint32). */
export const header = { key: 0, algorithm: 1, inputLength: 2, epoch: 3, returnValue: 4, outputLength: 5 } as const

export interface RingSlot {
  readonly header: Uint32Array
  readonly input: Buffer
  readonly output: Buffer
}

export interface RingMemory {
  readonly control: Int32Array
  readonly slots: readonly RingSlot[]
}

export function newRingMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(controlBytes + ringSlots * slotBytes)
}

export function viewRing(memory: SharedArrayBuffer): RingMemory {
  const slots = Array.from({ length: ringSlots }, (_, index): RingSlot => {
    const start = controlBytes + index * slotBytes
    return {
      header: new Uint32Array(memory, start, headerWords),
      input: Buffer.from(memory, start + headerBytes, inputBytes),
      output: Buffer.from(memory, start + headerBytes + inputBytes, outputBytes),
    }
  })
  return { control: new Int32Array(memory, 0, controlBytes / 4), slots }
}

/** The slot of a counter, which wraps around 32 bits. */
export function slotAt(memory: RingMemory, counter: number): RingSlot {
  const slot = memory.slots[counter & (ringSlots - 1)]
  if (!slot) throw new RangeError('the ring has no such slot')
  return slot
}
