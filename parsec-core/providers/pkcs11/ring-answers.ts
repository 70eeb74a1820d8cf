import { ckr } from './cryptoki.js'
import type { ModuleCallsHandler } from './module-calls.js'
import { control, header, ringSlots, slotAt, type RingMemory } from './ring-layout.js'
import { faultOf } from './worker-failure.js'

/**
 * The worker's end of the ring: answers what is in it, telling the main thread only when that sleeps. One round at most,
 * so that signatures that keep coming do not keep other calls out.
 */
export function answerRing(ring: RingMemory, handler: ModuleCallsHandler, signed: () => void): void {
  let done = Atomics.load(ring.control, control.done)
  for (let round = 0; round < ringSlots && done !== Atomics.load(ring.control, control.submitted); round += 1) {
    const slot = slotAt(ring, done)
    const [key = 0, algorithm = 0, inputLength = 0, epoch] = slot.header
    let outputLength = 0
    let returnValue: number = ckr.CKR_OK
    try {
      if (epoch === Atomics.load(ring.control, control.epoch) >>> 0) {
        outputLength = handler.sign(key, algorithm, slot.input.subarray(0, inputLength), slot.output)
      } else returnValue = ckr.CKR_FUNCTION_CANCELED
    } catch (error) {
      returnValue = faultOf(error).returnValue ?? ckr.CKR_GENERAL_ERROR
    }
    slot.header[header.returnValue] = returnValue
    slot.header[header.outputLength] = outputLength
    done = (done + 1) | 0
    Atomics.store(ring.control, control.done, done)
    if (Atomics.compareExchange(ring.control, control.mainAsleep, 1, 0) === 1) signed()
  }
}
