import { quoted } from '../faults.js'
import { checkAgentAddress } from '../schema/identifiers.js'
import type { Fields, Reading } from '../schema/spec.js'
import type { topLevelKeys } from '../tables/index.js'

/** As spiffe-helper has it. */
export const defaultAgentAddress = '/tmp/spire-agent/public/api.sock'

/** SPIFFE Workload Endpoint section 4; the second is what spiffe-helper read up to 0.11. */
const variables = ['SPIFFE_ENDPOINT_SOCKET', 'SPIRE_AGENT_ADDRESS'] as const

export type Environment = Readonly<Record<string, string | undefined>>

/** Where the agent is: the file, then the environment, then the default of spiffe-helper. Empty means not given. */
export function agentAddressOf(top: Fields<typeof topLevelKeys>, env: Environment, reading: Reading): string {
  const { agent_address: current, agentAddress: old } = top
  if (current.given && old.given) {
    reading.faults.add(old.at, 'use of agent_address and agentAddress found, use only agent_address')
  } else if (old.given) {
    reading.warnings.add(old.at, 'agentAddress will be deprecated, should be used as agent_address')
  }
  const written = current.value || old.value
  if (written !== undefined && written !== '') return written
  for (const name of variables) {
    const value = env[name]
    if (value === undefined || value === '') continue
    const checked = checkAgentAddress(value)
    if ('value' in checked) return checked.value
    reading.faults.add({ line: 1, column: 1 }, `the environment variable ${name}, ${quoted(value)}, ${checked.fault}`)
    return defaultAgentAddress
  }
  return defaultAgentAddress
}
