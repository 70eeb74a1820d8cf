import type { Authorizer } from '../../workload-api/index.js'
import type { AllowConfig } from '../config/model.js'
import { allowAuthorizer } from './allow.js'

/** A way of saying who may be on the other side of a tunnel: the block's name, and how it becomes an authorizer. */
export interface AuthorizerKind {
  readonly type: string
  parse(config: AllowConfig): Authorizer
}

/** Every kind there is. */
export const authorizerKinds: readonly AuthorizerKind[] = [allowAuthorizer]

export { authorizeAllow } from './allow.js'
export { parsePattern, PatternError, type Pattern } from './pattern.js'
