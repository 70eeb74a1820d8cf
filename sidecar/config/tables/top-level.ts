import { agentAddress } from '../schema/identifiers.js'
import { duration, text } from '../schema/scalars.js'
import { defaulted, ignored, lastWins, optional, unsupported } from '../schema/spec.js'

const agentAddressMeaning =
  '`SPIFFE_ENDPOINT_SOCKET`, then `SPIRE_AGENT_ADDRESS`, then `/tmp/spire-agent/public/api.sock`'
const helperOutput = unsupported('is an output key of spiffe-helper; outputs come later and are')

/** The keys outside any block. */
export const topLevelKeys = {
  agent_address: lastWins(optional(agentAddress, agentAddressMeaning)),
  agentAddress: lastWins(optional(agentAddress, 'old spelling of `agent_address`')),
  hint: lastWins(optional(text(), 'the first SVID')),
  shutdown_timeout: defaulted(duration('0s', '576h'), 30_000, '30s'),

  timeout: ignored('spiffe-helper itself dropped it in 0.6'),

  daemon_mode: unsupported(),
  exit_when_ready: unsupported(),
  stop_timeout: unsupported(),
  state_dir: unsupported(),
  output: unsupported(),
  parsec_service: unsupported(),
  health_checks: unsupported(),

  cmd: helperOutput,
  cmd_args: helperOutput,
  cmdArgs: helperOutput,
  pid_file_name: helperOutput,
  renew_signal: helperOutput,
  renewSignal: helperOutput,
  cert_dir: helperOutput,
  certDir: helperOutput,
  add_intermediates_to_bundle: helperOutput,
  addIntermediatesToBundle: helperOutput,
  include_federated_domains: helperOutput,
  omit_expired: helperOutput,
  svid_file_name: helperOutput,
  svidFileName: helperOutput,
  svid_key_file_name: helperOutput,
  svidKeyFileName: helperOutput,
  svid_bundle_file_name: helperOutput,
  svidBundleFileName: helperOutput,
  jwt_svids: helperOutput,
  jwt_bundle_file_name: helperOutput,
  cert_file_mode: helperOutput,
  key_file_mode: helperOutput,
  jwt_bundle_file_mode: helperOutput,
  jwt_svid_file_mode: helperOutput,
  ghostunnelCmd: helperOutput,
  ghostunnelArgs: helperOutput,
}
