import { ConfigError, formatFaults } from '../config/index.js'
import { errorText } from '../log/logger.js'

/** What went wrong as lines for an operator: each fault of a file with its position, or the one error. */
export function faultLines(error: unknown): readonly string[] {
  return error instanceof ConfigError ? formatFaults(error.path, error.faults) : [errorText(error)]
}
