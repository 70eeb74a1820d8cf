import { nameOfReturnValue } from './cryptoki.js'
import type { CallFault } from './protocol.js'

/** A call into a module failed: the module said so, or the worker. */
export class CallFailure extends Error {
  override readonly name: string = 'CallFailure'
  /** CK_RV; undefined when no function of the module returned it. */
  readonly returnValue: number | undefined

  constructor({ returnValue, detail }: CallFault) {
    super(returnValue === undefined ? detail : `${nameOfReturnValue(returnValue)} (${detail})`)
    this.returnValue = returnValue
  }
}

/** The module itself does not answer: a call that does not return, or a worker that ended. */
export class ModuleLost extends Error {
  override readonly name: string = 'ModuleLost'
}
