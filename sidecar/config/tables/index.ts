import type { BlockTables } from '../schema/read-document.js'
import { authorityKeys } from './authority.js'
import { healthChecksKeys, outputKeys } from './files.js'
import { identityKeys } from './identity.js'
import { adminKeys, keyProviderKeys, metricsKeys, workloadApiKeys } from './services.js'
import { tunnelKeys } from './tunnel.js'

/** Every kind of block. */
export const blockTables = {
  identity: { form: 'labelled', keys: identityKeys },
  tunnel: { form: 'labelled', keys: tunnelKeys },
  authority: { form: 'labelled', keys: authorityKeys },
  key_provider: { form: 'labelled', keys: keyProviderKeys, open: true },
  output: { form: 'labelled', keys: outputKeys },
  workload_api: { form: 'single', keys: workloadApiKeys },
  health_checks: { form: 'single', keys: healthChecksKeys },
  admin: { form: 'single', keys: adminKeys },
  metrics: { form: 'single', keys: metricsKeys },
} as const satisfies BlockTables

export type BlockName = keyof typeof blockTables

export { allowKeys, tunnelKeys } from './tunnel.js'
export { attestationKeys, identityKeys, identitySources, type IdentitySourceRules } from './identity.js'
export { authorityKeys } from './authority.js'
export { adminKeys, keyProviderKeys, metricsKeys, workloadApiKeys } from './services.js'
export { healthChecksKeys, jwtSvidKeys, onUpdateKeys, outputKeys } from './files.js'
export { topLevelKeys } from './top-level.js'
