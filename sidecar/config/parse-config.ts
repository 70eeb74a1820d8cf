import { systemAccounts, type Accounts } from './accounts.js'
import { ConfigError, Faults } from './faults.js'
import { parseDocument, type ObjectValue } from './hcl/index.js'
import type { Config, IdentityConfig, KeyProviderConfig } from './model.js'
import { agentAddressOf, type Environment } from './rules/agent-address.js'
import { adminOf, authorityOf, metricsOf } from './rules/authorities.js'
import { identityOf, type IdentityBlock } from './rules/identities.js'
import { keyProviderOf } from './rules/key-providers.js'
import { ListenAddresses } from './rules/listeners.js'
import { Labels } from './rules/references.js'
import { tunnelOf } from './rules/tunnels.js'
import { wantsIdentity, workloadOf } from './rules/workload.js'
import { readDocument, type Blocks } from './schema/read-document.js'
import type { Fields, Reading } from './schema/spec.js'
import { blockTables, topLevelKeys } from './tables/index.js'

export interface ParseOptions {
  /** Names the file in faults; nothing is read from it. */
  readonly path: string
  /** Where `SPIFFE_ENDPOINT_SOCKET` is looked up. */
  readonly env: Environment
  /** Finds users and groups by name; this machine's unless given. */
  readonly accounts?: Accounts
  /** What the flag of the command line says; it counts before the file's key. */
  readonly daemonMode?: boolean
  /** The file is for a program of the command line: it need not name anything to run itself. */
  readonly forProgram?: boolean
}

/** The label of the identity a file without identity blocks has. */
const defaultIdentity = 'default'

type Top = Fields<typeof topLevelKeys>

/**
 * Parses a configuration file: HCL 1 in the style of spiffe-helper's `helper.conf`, or its JSON form. What it returns
 * passed every rule.
 *
 * @throws {ConfigError} `ERR_CONFIG_INVALID` with every fault of the file, in its order
 */
export function parseConfig(text: string, options: ParseOptions): Config {
  const reading: Reading = {
    faults: new Faults(),
    warnings: new Faults(),
    accounts: options.accounts ?? systemAccounts(),
  }
  const document = parseDocument(text, reading.faults)
  const { top, blocks } = readDocument(document, topLevelKeys, blockTables, reading)
  const parts = assemble(top, blocks, document.body, options, reading)
  // Said of a file that is right otherwise: what it would run may be among the keys that were refused.
  if (reading.faults.count === 0 && options.forProgram !== true && isIdle(parts)) {
    reading.faults.add(
      document.body.at,
      'there is nothing to run: the file has neither a tunnel, an output nor an authority',
    )
  }
  if (reading.faults.count > 0) throw new ConfigError('ERR_CONFIG_INVALID', options.path, reading.faults.sorted())
  return { path: options.path, ...parts, warnings: reading.warnings.sorted() }
}

function isIdle({ tunnels, authorities, outputs, workloadApi }: Omit<Config, 'path' | 'warnings'>): boolean {
  return tunnels.length + authorities.length + outputs.length === 0 && workloadApi === undefined
}

/** Applies the rules from block to block. What a fault left without a value is left out: the file is refused anyway. */
function assemble(
  top: Top,
  blocks: Blocks<typeof blockTables>,
  { at, broken }: ObjectValue,
  options: ParseOptions,
  reading: Reading,
): Omit<Config, 'path' | 'warnings'> {
  const listeners = new ListenAddresses(reading)
  const providers = new Labels('key_provider', labelsOf(blocks.key_provider), broken, reading)
  const isWanted = blocks.tunnel.length > 0 || options.forProgram === true || wantsIdentity(top, blocks)
  const withDefault = blocks.identity.length === 0 && isWanted
  const identities = new Labels(
    'identity',
    withDefault ? [defaultIdentity] : labelsOf(blocks.identity),
    broken,
    reading,
  )
  const keyProviders = present(blocks.key_provider.map((block) => keyProviderOf(block, reading)))
  const held = { labels: providers, configs: keyProviders }
  const identityConfigs = identitiesOf(top, blocks, withDefault, options.env, held, reading)
  return {
    identities: identityConfigs,
    keyProviders,
    tunnels: present(blocks.tunnel.map((block) => tunnelOf(block, identities, listeners, reading))),
    authorities: present(blocks.authority.map((block) => authorityOf(block, providers, listeners, reading))),
    admin: present(blocks.admin.map((block) => adminOf(block, listeners, reading))).at(0),
    metrics: present(blocks.metrics.map((block) => metricsOf(block, listeners, reading))).at(0),
    ...workloadOf(
      top,
      blocks,
      {
        labels: identities,
        identities: identityConfigs,
        keyProviders,
        listeners,
        at,
        daemonMode: options.daemonMode,
        forProgram: options.forProgram === true,
      },
      reading,
    ),
    shutdownTimeoutMs: top.shutdown_timeout.value,
  }
}

function identitiesOf(
  top: Top,
  { identity: blocks }: Blocks<typeof blockTables>,
  withDefault: boolean,
  env: Environment,
  providers: { readonly labels: Labels; readonly configs: readonly KeyProviderConfig[] },
  reading: Reading,
): readonly IdentityConfig[] {
  const askAgent = withDefault || blocks.some(asksAgent)
  const agentAddress = agentAddressOf(top, askAgent ? env : undefined, reading)
  if (top.hint.given && blocks.length > 0) {
    reading.faults.add(top.hint.at, '"hint" belongs into the identity block it chooses the SVID of')
  }
  const context = {
    agentAddress,
    stateDir: top.state_dir,
    keyProviders: providers.labels,
    isDevice: (label: string | undefined) =>
      providers.configs.some(({ name, type }) => name === label && type !== 'Software'),
  }
  if (!withDefault) return present(blocks.map((block) => identityOf(block, context, reading)))
  const hint = top.hint.value
  return [
    { name: defaultIdentity, source: 'workload-api', spiffeId: undefined, hint, keyProvider: undefined, agentAddress },
  ]
}

function asksAgent({ fields }: IdentityBlock): boolean {
  const source = fields.source.value ?? 'workload-api'
  return source === 'workload-api' || fields.attestation.value?.fields.mode.value === 'spiffe'
}

function labelsOf(blocks: readonly { readonly label: string }[]): readonly string[] {
  return blocks.map(({ label }) => label)
}

function present<T>(values: readonly (T | undefined)[]): readonly T[] {
  return values.filter((value) => value !== undefined)
}
