export { formatAddress, isLocal, parseAddress } from './address.js'
export type { Accounts } from './accounts.js'
export { defaultAgentAddress } from './rules/agent-address.js'
export { parseDuration } from './duration.js'
export { ConfigError, formatFaults, type ConfigErrorCode, type Fault } from './faults.js'
export { loadConfig, validateConfig, type LoadOptions } from './load-config.js'
export { parseConfig, type ParseOptions } from './parse-config.js'
export {
  loadRegistrationFile,
  parseRegistrationFile,
  type RegistrationEntry,
  type RegistrationOptions,
} from './registration-file.js'
export { workloadApiAddressOf } from './workload-api-address.js'
export type * from './model.js'
