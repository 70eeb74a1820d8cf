import { address, agentAddress, label, spiffeId, trustDomain } from '../schema/identifiers.js'
import { labelledBlock } from '../schema/labelled-block.js'
import { duration, flag, oneOf, text } from '../schema/scalars.js'
import { optional } from '../schema/spec.js'

/** Every type of key the sidecar can ask a provider for. */
export const keyType = oneOf('ec-p256', 'ec-p384', 'ec-p521', 'rsa-2048', 'rsa-3072', 'rsa-4096')

const ofSpire = 'required by source `spire-server`'

/** How a sidecar attests to a SPIRE server; the label says by what. */
export const attestationKeys = {
  token_file: optional(text('path'), 'required by `join_token`'),
  mode: optional(oneOf('external_pki', 'spiffe'), '`"external_pki"`'),
  certificate_path: optional(text('path'), 'required by `x509pop`'),
  private_key_path: optional(text('path'), 'none'),
  key_provider: optional(label, 'none'),
  key_name: optional(text('string', { maxLength: 256 }), 'none'),
  agent_address: optional(agentAddress, 'the `agent_address` of the file'),
  spiffe_id: optional(spiffeId, 'the only SVID below `/spire-exchange/`'),
}

export const identityKeys = {
  source: optional(text(), '`"workload-api"`'),
  spiffe_id: optional(spiffeId, 'the first SVID; required by the other sources'),
  hint: optional(text('string', { maxLength: 1024 }), 'the first SVID'),
  key_provider: optional(label, 'keys in memory'),
  authority_address: optional(address, 'required by source `authority`'),
  key_type: optional(keyType, '`"ec-p256"`'),
  key_rotation: optional(oneOf('new', 'reuse'), '`"new"`'),

  server_address: optional(address, ofSpire),
  trust_domain: optional(trustDomain, 'that of `spiffe_id`'),
  trust_bundle_path: optional(text('path'), 'none'),
  trust_bundle_url: optional(text('URL'), 'none'),
  unsafe_bootstrap: optional(flag, '`false`'),
  attestation: labelledBlock(attestationKeys, ofSpire),
  entry_id: optional(text('string', { maxLength: 255 }), 'the only entry of `spiffe_id`'),
  poll_interval: optional(duration('1s', '24h'), 'by the life of the SVID'),
}

type IdentityKey = keyof typeof identityKeys

/** What a source of identities says of the keys that not every source has. */
export interface IdentitySourceRules {
  readonly required: readonly IdentityKey[]
  /** A key it does not take, and why. */
  readonly refused: Readonly<Partial<Record<IdentityKey, string>>>
}

const onlySpire = 'is for source "spire-server"'
const spireKeys: IdentitySourceRules['refused'] = {
  server_address: onlySpire,
  trust_domain: onlySpire,
  trust_bundle_path: onlySpire,
  trust_bundle_url: onlySpire,
  unsafe_bootstrap: onlySpire,
  attestation: onlySpire,
  entry_id: onlySpire,
  poll_interval: onlySpire,
}

/** Every source that can be written. */
export const identitySources: Readonly<Record<string, IdentitySourceRules>> = {
  'workload-api': {
    required: [],
    refused: {
      ...spireKeys,
      key_type: 'is for keys the sidecar makes; with source "workload-api" the agent makes the key',
      key_rotation: 'is for keys the sidecar makes; with source "workload-api" the agent makes the key',
      authority_address: 'is for source "authority"; the agent is named by "agent_address"',
    },
  },
  authority: {
    required: ['authority_address', 'spiffe_id'],
    refused: {
      ...spireKeys,
      hint: 'is for source "workload-api"; source "authority" asks for its "spiffe_id"',
    },
  },
  'spire-server': {
    required: ['server_address', 'spiffe_id', 'attestation'],
    refused: {
      hint: 'is for source "workload-api"; source "spire-server" asks for its "spiffe_id"',
      authority_address: 'is for source "authority"; the SPIRE server is named by "server_address"',
    },
  },
}
