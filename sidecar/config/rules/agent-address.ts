import { quoted } from '../faults.js'
import { checkAgentAddress } from '../schema/identifiers.js'
import type { Fields, Reading } from '../schema/spec.js'
import type { topLevelKeys } from '../tables/index.js'
import { eitherSpelling } from './spellings.js'

/** As spiffe-helper has it. */
export const defaultAgentAddress = '/tmp/spire-agent/public/api.sock'

/** SPIFFE Workload Endpoint section 4; the second is what spiffe-helper read up to 0.11. */
const variables = ['SPIFFE_ENDPOINT_SOCKET', 'SPIRE_AGENT_ADDRESS'] as const

export type Environment = Readonly<Record<string, string | undefined>>

const wholeFile = { line: 1, column: 1 }

/**
 * Where the agent is: the file, then, when an identity comes from the agent, the environment, then the default of
 * spiffe-helper. Empty means not given.
 */
export function agentAddressOf(
  top: Fields<typeof topLevelKeys>,
  env: Environment | undefined,
  reading: Reading,
): string {
  const { faults, warnings } = reading
  const written = eitherSpelling(top, 'agent_address', 'agentAddress', reading).value
  if (written !== undefined && written !== '') return written
  const name = variables.find((variable) => (env?.[variable] ?? '') !== '')
  if (name === undefined) return defaultAgentAddress
  const value = env?.[name] ?? ''
  if (name === 'SPIRE_AGENT_ADDRESS') warnings.add(wholeFile, `${name} is deprecated, use SPIFFE_ENDPOINT_SOCKET`)
  const checked = checkAgentAddress(value)
  if ('value' in checked) return checked.value
  faults.add(wholeFile, `the environment variable ${name}, ${quoted(value)}, ${checked.fault}`)
  return defaultAgentAddress
}
