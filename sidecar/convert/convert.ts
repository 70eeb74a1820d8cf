import { basename } from 'node:path'
import { defaultAgentAddress, type Config, type HealthConfig, type OutputConfig } from '../config/index.js'
import { readGhostunnelArguments, type GhostunnelTunnel } from './ghostunnel-arguments.js'
import { hclBlock, hclComment, hclKeys, hclList, hclMode, hclString } from './hcl-text.js'

/** The new form of one or more files of spiffe-helper. */
export interface Conversion {
  readonly text: string
  /** False when something has no counterpart; the text says what, as comments. */
  readonly isComplete: boolean
}

export class ConversionError extends Error {
  override readonly name = 'ConversionError'
}

/**
 * Writes files of spiffe-helper as one file of ours: the same files for the same programs, or for ghostunnel the tunnel
 * that needs neither. Throws `ConversionError` for a file that is not spiffe-helper's alone.
 */
export function convert(configs: readonly Config[]): Conversion {
  const parts = configs.map((config) => partOf(config, configs.length === 1))
  const addresses = new Set(parts.map(({ agentAddress }) => agentAddress))
  const [first = ''] = addresses
  const notes = [
    ...parts.flatMap(({ notes: own }) => own),
    ...(addresses.size > 1 ? ['the files have different agents, and one file has one: run a svidecar for each'] : []),
  ]
  const blocks = parts.flatMap((part) => part.blocks)
  const agent = first === defaultAgentAddress ? undefined : hclString(first)
  const top = hclKeys([['agent_address', agent], ...parts.flatMap((part) => part.top)])
  return {
    text: [...notes.map(hclComment), ...(notes.length === 0 ? [] : ['']), ...top, '', blocks.join('\n\n'), ''].join(
      '\n',
    ),
    isComplete: notes.length === 0,
  }
}

interface Part {
  readonly agentAddress: string
  readonly top: readonly (readonly [string, string | undefined])[]
  readonly blocks: readonly string[]
  readonly notes: readonly string[]
}

function partOf(config: Config, isOnly: boolean): Part {
  const [identity] = config.identities
  const [output] = config.outputs
  const own = config.tunnels.length + config.authorities.length + config.keyProviders.length
  if (identity?.source !== 'workload-api' || output?.name !== 'helper' || config.outputs.length !== 1 || own > 0) {
    throw new ConversionError(`${config.path}: only a file with the keys of spiffe-helper and no other is converted`)
  }
  const label = labelOf(config.path)
  const named = identity.hint === undefined ? undefined : label
  const identities =
    identity.hint === undefined ? [] : [hclBlock(`identity "${label}"`, hclKeys([['hint', hclString(identity.hint)]]))]
  const { agentAddress } = identity
  const health = config.health === undefined ? [] : [healthBlock(config.health)]
  const tunnel = ghostunnelOf(config)
  if (tunnel !== undefined) {
    const rest = hasJwt(output) ? [outputBlock(label, named, withoutX509(output))] : []
    const blocks = [...identities, tunnelBlock(label, named, tunnel), ...rest, ...health]
    const notes = tunnel.notes.map((note) => `${config.path}: ghostunnel ${note}`)
    return { agentAddress, top: [], blocks, notes }
  }
  const notes =
    isOnly || config.process === undefined ? [] : [`${config.path}: a file has one cmd; run a svidecar for this one`]
  const blocks = [...identities, outputBlock(label, named, output), ...health]
  return { agentAddress, top: topKeys(config), blocks, notes }
}

/** `event-bus-helper.conf` is `event-bus`. */
function labelOf(path: string): string {
  const name = basename(path)
    .replace(/\.[^.]*$/, '')
    .replace(/[-_.]?helper$/i, '')
  const label = name
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64)
  return label === '' ? 'main' : label
}

function ghostunnelOf({ process }: Config): GhostunnelTunnel | undefined {
  const [program, ...args] = process?.command ?? []
  return program !== undefined && basename(program) === 'ghostunnel' ? readGhostunnelArguments(args) : undefined
}

function topKeys({ process, daemonMode }: Config): Part['top'] {
  const keys: Part['top'] = [['daemon_mode', daemonMode ? undefined : 'false']]
  if (process === undefined) return keys
  return [...keys, ['cmd', hclList(process.command)], ['renew_signal', optionalString(process.renewSignal)]]
}

function tunnelBlock(label: string, identity: string | undefined, tunnel: GhostunnelTunnel): string {
  const { ids, patterns } = tunnel
  const keys = hclKeys([
    ['mode', hclString(tunnel.mode)],
    ['listen', optionalString(tunnel.listen)],
    ['target', optionalString(tunnel.target)],
    ['identity', optionalString(identity)],
    ['unsafe_plaintext', tunnel.unsafePlaintext ? 'true' : undefined],
  ])
  const allow = hclKeys([
    ['ids', ids.length === 0 ? undefined : hclList(ids)],
    ['patterns', patterns.length === 0 ? undefined : hclList(patterns)],
  ])
  return hclBlock(`tunnel "${label}"`, [...keys, ...hclBlock('allow', allow).split('\n')])
}

function outputBlock(label: string, identity: string | undefined, output: OutputConfig): string {
  const flag = (value: boolean) => (value ? 'true' : undefined)
  const keys = hclKeys([
    ['identity', optionalString(identity)],
    ['dir', hclString(output.directory)],
    ['svid_file_name', optionalString(output.svidFileName)],
    ['svid_key_file_name', optionalString(output.keyFileName)],
    ['svid_bundle_file_name', optionalString(output.bundleFileName)],
    ['add_intermediates_to_bundle', flag(output.addIntermediatesToBundle)],
    ['include_federated_domains', flag(output.includeFederatedDomains)],
    ['omit_expired', flag(output.omitExpired)],
    ['jwt_bundle_file_name', optionalString(output.jwtBundleFileName)],
    ...modeKeys(output),
    ['pid_file_name', optionalString(output.pidFileName)],
    ['renew_signal', optionalString(output.renewSignal)],
  ])
  return hclBlock(`output "${label}"`, [...keys, ...jwtLines(output)])
}

/** Modes that are not the default. */
function modeKeys(output: OutputConfig): readonly (readonly [string, string | undefined])[] {
  const key = (name: string, mode: number, usual: number) => [name, mode === usual ? undefined : hclMode(mode)] as const
  return [
    key('cert_file_mode', output.certFileMode, 0o644),
    key('key_file_mode', output.keyFileMode, 0o600),
    key('jwt_bundle_file_mode', output.jwtBundleFileMode, 0o600),
    key('jwt_svid_file_mode', output.jwtSvidFileMode, 0o600),
  ]
}

function jwtLines({ jwtSvids }: OutputConfig): readonly string[] {
  if (jwtSvids.length === 0) return []
  const entries = jwtSvids.map(({ audiences: [first = '', ...more], fileName }) => {
    const extra = more.length === 0 ? '' : ` jwt_extra_audiences = ${hclList(more)}`
    return `  { jwt_audience = ${hclString(first)}${extra} jwt_svid_file_name = ${hclString(fileName)} },`
  })
  return ['jwt_svids = [', ...entries, ']']
}

function hasJwt({ jwtSvids, jwtBundleFileName }: OutputConfig): boolean {
  return jwtSvids.length > 0 || jwtBundleFileName !== undefined
}

/** What only ghostunnel read. */
function withoutX509(output: OutputConfig): OutputConfig {
  return { ...output, svidFileName: undefined, keyFileName: undefined, bundleFileName: undefined }
}

function healthBlock({ host, port, livenessPath, readinessPath }: HealthConfig): string {
  const keys = hclKeys([
    ['listener_enabled', 'true'],
    ['bind_address', optionalString(host)],
    ['bind_port', String(port)],
    ['liveness_path', hclString(livenessPath)],
    ['readiness_path', hclString(readinessPath)],
  ])
  return hclBlock('health_checks', keys)
}

function optionalString(text: string | undefined): string | undefined {
  return text === undefined ? undefined : hclString(text)
}
