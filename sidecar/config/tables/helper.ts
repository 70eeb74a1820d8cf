import { command, commandLine, fileName, helperFileMode, listOfBlocks, signalName } from '../schema/files.js'
import { flag, oneOf, text } from '../schema/scalars.js'
import { defaulted, lastWins, optional, type Spec } from '../schema/spec.js'
import { duration } from '../schema/scalars.js'
import { jwtSvidKeys } from './files.js'

function old<V>(spec: Spec<V>, name: string): Spec<V> {
  return lastWins({ ...spec, default: `old spelling of \`${name}\`` })
}

const path = text('path', { empty: true })

/** The keys of spiffe-helper that write files and run a program, in every spelling it ever had. */
export const helperKeys = {
  cmd: lastWins(optional(command)),
  cmd_args: lastWins(optional(commandLine)),
  cmdArgs: old(optional(commandLine), 'cmd_args'),
  cmd_restart: defaulted(oneOf('never', 'on-failure', 'always'), 'never', '"never"'),
  stop_timeout: defaulted(duration('0s', '576h'), 10_000, '10s'),
  pid_file_name: lastWins(optional(path)),
  renew_signal: lastWins(optional(signalName)),
  renewSignal: old(optional(signalName), 'renew_signal'),
  cert_dir: lastWins(optional(path, 'the working directory')),
  certDir: old(optional(path), 'cert_dir'),
  svid_file_name: lastWins(optional(fileName)),
  svidFileName: old(optional(fileName), 'svid_file_name'),
  svid_key_file_name: lastWins(optional(fileName)),
  svidKeyFileName: old(optional(fileName), 'svid_key_file_name'),
  svid_bundle_file_name: lastWins(optional(fileName)),
  svidBundleFileName: old(optional(fileName), 'svid_bundle_file_name'),
  add_intermediates_to_bundle: lastWins(optional(flag, '`false`')),
  addIntermediatesToBundle: old(optional(flag), 'add_intermediates_to_bundle'),
  include_federated_domains: lastWins(defaulted(flag, false, 'false')),
  omit_expired: lastWins(defaulted(flag, false, 'false')),
  jwt_svids: optional(listOfBlocks(jwtSvidKeys)),
  jwt_bundle_file_name: lastWins(optional(fileName)),
  cert_file_mode: lastWins(optional(helperFileMode, '`0644`')),
  key_file_mode: lastWins(optional(helperFileMode, '`0600`')),
  jwt_bundle_file_mode: lastWins(optional(helperFileMode, '`0600`')),
  jwt_svid_file_mode: lastWins(optional(helperFileMode, '`0600`')),
  ghostunnelCmd: lastWins(optional(commandLine, 'of spiffe-helper 0.1')),
  ghostunnelArgs: lastWins(optional(commandLine, 'of spiffe-helper 0.1')),
  daemon_mode: lastWins(optional(flag, '`true`')),
  exit_when_ready: lastWins(optional(flag, 'old spelling of `daemon_mode = false`')),
}
