import { osLockingOk } from './cryptoki.js'
import { newCryptoki, returnValueOf } from './load-cryptoki.js'
import type { ProbeResult } from './module-probe.js'

/**
 * Tries a module where a crash or a hang costs nothing: loads it, initialises it, asks for its slots. The result goes
 * to the parent process; a module that ends this one never lets it come.
 */
function probe(module: string): ProbeResult {
  const cryptoki = newCryptoki()
  try {
    cryptoki.load(module)
  } catch (error) {
    return { fault: 'load', detail: textOf(error) }
  }
  try {
    cryptoki.C_Initialize({ flags: osLockingOk })
    cryptoki.C_GetInfo()
    cryptoki.C_GetSlotList(false)
    cryptoki.C_Finalize()
  } catch (error) {
    return { fault: 'initialize', detail: textOf(error), returnValue: returnValueOf(error) }
  }
  return {}
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const [, , module = ''] = process.argv
// Stays until it is killed: an exit could overtake the message.
process.send?.(probe(module))
