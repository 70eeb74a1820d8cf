import { audience } from '../schema/audience.js'
import { commandList, fileName, listOfBlocks, outputFileMode, signalName } from '../schema/files.js'
import { group, label, user } from '../schema/identifiers.js'
import { listOf } from '../schema/list.js'
import { duration, flag, integer, oneOf, text } from '../schema/scalars.js'
import { defaulted, optional, required } from '../schema/spec.js'

/** One token file, as spiffe-helper has it. */
export const jwtSvidKeys = {
  jwt_audience: required(audience),
  jwt_extra_audiences: defaulted(listOf(audience, { empty: true, max: 64 }), [], '[]'),
  jwt_svid_file_name: required(fileName),
}

/** One program that runs when files changed. */
export const onUpdateKeys = {
  command: required(commandList),
  timeout: defaulted(duration('1ms', '24h'), 30_000, '30s'),
  retries: defaulted(integer(0, 100), 0, '0'),
}

/** A set of files of one identity. */
export const outputKeys = {
  identity: optional(label, 'the only one'),
  dir: required(text('path')),
  layout: defaulted(oneOf('flat', 'atomic'), 'flat', '"flat"'),
  svid_file_name: optional(fileName),
  svid_key_file_name: optional(fileName),
  svid_bundle_file_name: optional(fileName),
  bundle_per_trust_domain: defaulted(flag, false, 'false'),
  add_intermediates_to_bundle: defaulted(flag, false, 'false'),
  include_federated_domains: defaulted(flag, false, 'false'),
  omit_expired: defaulted(flag, false, 'false'),
  jwt_svids: optional(listOfBlocks(jwtSvidKeys)),
  jwt_bundle_file_name: optional(fileName),
  jwks_file_name: optional(fileName),
  spiffe_bundle_file_name: optional(fileName),
  cert_file_mode: defaulted(outputFileMode, 0o644, '0644'),
  key_file_mode: defaulted(outputFileMode, 0o600, '0600'),
  jwt_bundle_file_mode: defaulted(outputFileMode, 0o600, '0600'),
  jwt_svid_file_mode: defaulted(outputFileMode, 0o600, '0600'),
  owner: optional(user, 'the user svidecar runs as'),
  group: optional(group, 'the group svidecar runs as'),
  on_update: optional(listOfBlocks(onUpdateKeys)),
  pid_file_name: optional(text('path', { empty: true })),
  renew_signal: optional(signalName),
}

/** Probes as spiffe-helper has them. */
export const healthChecksKeys = {
  listener_enabled: defaulted(flag, false, 'false'),
  bind_address: optional(text(), 'every address'),
  bind_port: defaulted(integer(1, 65_535), 8081, '8081'),
  liveness_path: defaulted(text('path'), '/live', '"/live"'),
  readiness_path: defaulted(text('path'), '/ready', '"/ready"'),
}
