import { address, label, spiffeId } from '../schema/identifiers.js'
import { oneOf, text } from '../schema/scalars.js'
import { optional, unsupported, type Spec } from '../schema/spec.js'

/** Every type of key the sidecar can ask a provider for. */
export const keyType = oneOf('ec-p256', 'ec-p384', 'ec-p521', 'rsa-2048', 'rsa-3072', 'rsa-4096')

/** Like every key of a later source: known, refused. */
const later: Spec<undefined> = unsupported()

export const identityKeys = {
  source: optional(text(), '`"workload-api"`'),
  spiffe_id: optional(spiffeId, 'the first SVID; required by source `authority`'),
  hint: optional(text('string', { maxLength: 1024 }), 'the first SVID'),
  key_provider: optional(label, 'keys in memory'),
  authority_address: optional(address, 'required by source `authority`'),
  key_type: optional(keyType, '`"ec-p256"`'),
  key_rotation: optional(oneOf('new', 'reuse'), '`"new"`'),

  attestation: later,
  server_address: later,
  trust_domain: later,
  trust_bundle_path: later,
}

/** What a source of identities says of the keys that not every source has. */
export interface IdentitySourceRules {
  readonly required: readonly (keyof typeof identityKeys)[]
  /** A key it does not take, and why. */
  readonly refused: Readonly<Partial<Record<keyof typeof identityKeys, string>>>
}

/** Every source that can be written; undefined for one that comes later. */
export const identitySources: Readonly<Record<string, IdentitySourceRules | undefined>> = {
  'workload-api': {
    required: [],
    refused: {
      key_type: 'is for keys the sidecar makes; with source "workload-api" the agent makes the key',
      key_rotation: 'is for keys the sidecar makes; with source "workload-api" the agent makes the key',
      authority_address: 'is for source "authority"; the agent is named by "agent_address"',
    },
  },
  authority: {
    required: ['authority_address', 'spiffe_id'],
    refused: { hint: 'is for source "workload-api"; source "authority" asks for its "spiffe_id"' },
  },
  'spire-server': undefined,
}
