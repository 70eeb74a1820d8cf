import type { Provider } from '../../parsec-core/index.js'
import type { IdentityConfig } from '../config/index.js'
import { AuthoritySource } from './authority-source.js'
import type { IdentityListener, IdentitySource } from './identity-source.js'
import { SpireServerSource } from './spire-server/spire-server-source.js'
import { WorkloadApiSource } from './workload-api-source.js'

/** What every source gets beside its block. */
export interface IdentitySourceOptions extends IdentityListener {
  /** Makes or takes over, and holds, the identity's keys; stays the caller's. */
  readonly provider: Provider
  /** The provider of a key_provider block. Throws `TypeError` for a label there is not. */
  readonly providerNamed: (label: string) => Provider
  /** How long, in milliseconds, a handshake may sign with a key after the next one took over. */
  readonly handshakeBoundMs: () => number
}

type Opener<Config extends IdentityConfig> = (config: Config, options: IdentitySourceOptions) => IdentitySource

/** One entry for each `source`; what is not here is a fault of the configuration. */
const openers: { readonly [Source in IdentityConfig['source']]: Opener<Extract<IdentityConfig, { source: Source }>> } =
  {
    'workload-api': (config, options) => new WorkloadApiSource(config, options),
    authority: (config, options) => new AuthoritySource(config, options),
    'spire-server': (config, options) => new SpireServerSource(config, options),
  }

/** The source an identity's block names. Throws for an address or ID that its source cannot use. */
export function openIdentitySource(config: IdentityConfig, options: IdentitySourceOptions): IdentitySource {
  const open = openers[config.source] as Opener<IdentityConfig>
  return open(config, options)
}
