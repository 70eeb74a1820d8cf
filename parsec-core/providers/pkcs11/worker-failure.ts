import { ckr } from './cryptoki.js'
import { returnValueOf } from './load-cryptoki.js'
import type { CallFault } from './protocol.js'

/** The worker refuses, without the module having been asked or against what it answered. */
export class WorkerFailure extends Error {
  override readonly name: string = 'WorkerFailure'
  readonly returnValue: number | undefined

  constructor(detail: string, returnValue?: number) {
    super(detail)
    this.returnValue = returnValue
  }
}

/** The one conversion of what a module's function threw into what the main thread is told. */
export function faultOf(error: unknown): CallFault {
  if (error instanceof WorkerFailure) return { returnValue: error.returnValue, detail: error.message }
  const returnValue = returnValueOf(error)
  if (returnValue === undefined) return { returnValue, detail: error instanceof Error ? error.message : String(error) }
  const method = error instanceof Error && 'method' in error ? String(error.method) : ''
  return { returnValue, detail: method === '' ? 'a call' : method }
}

/** Whether a module's function returned one of these. */
export function returned(error: unknown, ...values: readonly (keyof typeof ckr)[]): boolean {
  const returnValue = returnValueOf(error)
  return values.some((name) => ckr[name] === returnValue)
}
