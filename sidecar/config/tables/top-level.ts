import { agentAddress } from '../schema/identifiers.js'
import { duration, text } from '../schema/scalars.js'
import { defaulted, ignored, lastWins, optional, unsupported } from '../schema/spec.js'
import { helperKeys } from './helper.js'

const agentAddressMeaning =
  '`SPIFFE_ENDPOINT_SOCKET`, then `SPIRE_AGENT_ADDRESS`, then `/tmp/spire-agent/public/api.sock`'

/** The keys outside any block. */
export const topLevelKeys = {
  agent_address: lastWins(optional(agentAddress, agentAddressMeaning)),
  agentAddress: lastWins(optional(agentAddress, 'old spelling of `agent_address`')),
  hint: lastWins(optional(text(), 'the first SVID')),
  shutdown_timeout: defaulted(duration('0s', '576h'), 30_000, '30s'),

  timeout: ignored('spiffe-helper itself dropped it in 0.6'),

  state_dir: optional(text('path'), 'required by source `spire-server`'),
  parsec_service: unsupported(),

  ...helperKeys,
}
