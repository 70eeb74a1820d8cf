import type { IdentityConfig } from './model.js'

/** The Workload API that issues an identity; undefined for one straight from a SPIRE server, which has none. */
export function workloadApiAddressOf(identity: IdentityConfig): string | undefined {
  switch (identity.source) {
    case 'workload-api':
      return identity.agentAddress
    case 'authority':
      return identity.authorityAddress
    case 'spire-server':
      return undefined
  }
}
