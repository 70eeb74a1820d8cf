import type { Position } from '../faults.js'
import type { OutputConfig } from '../output-model.js'
import type { Fields, Reading } from '../schema/spec.js'
import type { topLevelKeys } from '../tables/index.js'
import type { OutputIdentities } from './output-identities.js'
import type { OutputPaths } from './output-paths.js'
import { checkOutput, given, jwtSvidsOf, writesAnything } from './outputs.js'
import { eitherSpelling } from './spellings.js'

type Top = Fields<typeof topLevelKeys>

/** The keys with an old spelling, in whichever one the file has. */
export type SpelledKeys = ReturnType<typeof spelledKeysOf>

export function spelledKeysOf(top: Top, reading: Reading) {
  return {
    certDir: eitherSpelling(top, 'cert_dir', 'certDir', reading),
    svid: eitherSpelling(top, 'svid_file_name', 'svidFileName', reading),
    key: eitherSpelling(top, 'svid_key_file_name', 'svidKeyFileName', reading),
    bundle: eitherSpelling(top, 'svid_bundle_file_name', 'svidBundleFileName', reading),
    addIntermediates: eitherSpelling(top, 'add_intermediates_to_bundle', 'addIntermediatesToBundle', reading),
    renewSignal: eitherSpelling(top, 'renew_signal', 'renewSignal', reading),
    cmdArgs: eitherSpelling(top, 'cmd_args', 'cmdArgs', reading),
  }
}

/** The name of the output that the keys outside of blocks make; an output block may not have it beside them. */
export const helperOutputName = 'helper'

/** The keys that say that spiffe-helper's output is wanted. */
const outputKeys = [
  'cert_dir',
  'certDir',
  'svid_file_name',
  'svidFileName',
  'svid_key_file_name',
  'svidKeyFileName',
  'svid_bundle_file_name',
  'svidBundleFileName',
  'jwt_svids',
  'jwt_bundle_file_name',
  'ghostunnelCmd',
] as const

/** Whether the file writes what spiffe-helper writes. */
export function wantsHelperOutput(top: Top): boolean {
  const fields: Readonly<Record<string, { readonly given: boolean } | undefined>> = top
  return outputKeys.some((key) => fields[key]?.given === true)
}

/** The file names of spiffe-helper 0.1, which took none: the keystore is key and chain, and its arguments name both. */
export const firstVersionNames = { keystore: '0.key', bundle: '0.cert' } as const

export interface HelperFile {
  readonly top: Top
  readonly spelled: SpelledKeys
  /** Where the file begins. */
  readonly at: Position
  readonly daemonMode: boolean
  /** The program comes from the command line. */
  readonly forProgram: boolean
}

const owner = 'the output of the keys outside of blocks'

/** What spiffe-helper would write, with its own rules and messages; undefined after a fault. */
export function helperOutputOf(
  file: HelperFile,
  identities: OutputIdentities,
  paths: OutputPaths,
  reading: Reading,
): OutputConfig | undefined {
  const { top, spelled, at, daemonMode } = file
  const identity = identities.choose({ value: undefined, at, given: false }, owner)
  const pidFileName = given(top.pid_file_name.value)
  const signal = given(spelled.renewSignal.value)
  checkPidFile(top, pidFileName, signal, daemonMode, reading)
  if (identity === undefined) return undefined
  const output: OutputConfig = {
    name: helperOutputName,
    identity,
    directory: given(spelled.certDir.value) ?? '.',
    layout: 'flat',
    ...namesOf(top, spelled),
    ...settingsOf(top, spelled),
    jwtSvids: jwtSvidsOf(top.jwt_svids.value),
    jwtBundleFileName: given(top.jwt_bundle_file_name.value),
    onUpdate: [],
    pidFileName: daemonMode ? pidFileName : undefined,
    renewSignal: daemonMode && pidFileName !== undefined ? signal : undefined,
  }
  checkComplete(output, file, reading)
  checkOutput(output, spelled.key, top.include_federated_domains, identities, reading)
  paths.claim(output, at, owner)
  return output
}

function namesOf(top: Top, { svid, key, bundle }: SpelledKeys) {
  const isFirstVersion = top.ghostunnelCmd.given
  const keystore = isFirstVersion ? firstVersionNames.keystore : undefined
  return {
    svidFileName: given(svid.value) ?? keystore,
    keyFileName: given(key.value) ?? keystore,
    bundleFileName: given(bundle.value) ?? (isFirstVersion ? firstVersionNames.bundle : undefined),
  }
}

function settingsOf(top: Top, { addIntermediates }: SpelledKeys) {
  return {
    bundlePerTrustDomain: false,
    addIntermediatesToBundle: addIntermediates.value ?? false,
    includeFederatedDomains: top.include_federated_domains.value,
    omitExpired: top.omit_expired.value,
    jwksFileName: undefined,
    spiffeBundleFileName: undefined,
    // 0 is the default, as there.
    certFileMode: top.cert_file_mode.value || 0o644,
    keyFileMode: top.key_file_mode.value || 0o600,
    jwtBundleFileMode: top.jwt_bundle_file_mode.value || 0o600,
    jwtSvidFileMode: top.jwt_svid_file_mode.value || 0o600,
    owner: undefined,
    group: undefined,
  }
}

function checkPidFile(
  top: Top,
  pidFileName: string | undefined,
  signal: string | undefined,
  daemonMode: boolean,
  { faults }: Reading,
): void {
  if (pidFileName === undefined) return
  const { at } = top.pid_file_name
  if (!daemonMode) {
    faults.add(at, 'pid_file_name is set but daemon_mode is false. pid_file_name is only supported in daemon_mode')
  }
  if (signal === undefined) faults.add(at, 'must specify renew_signal when using pid_file_name')
}

function checkComplete(output: OutputConfig, { top, spelled, at }: HelperFile, { faults }: Reading): void {
  const names = [output.svidFileName, output.keyFileName, output.bundleFileName]
  const missing = names.filter((name) => name === undefined).length
  const first = [spelled.svid, spelled.key, spelled.bundle].find((field) => field.given)
  const all = "'svid_file_name', 'svid_key_file_name', 'svid_bundle_file_name'"
  if (missing === 1 || missing === 2) faults.add(first?.at ?? at, `all or none of ${all} must be specified`)
  // What is written there has faults of its own.
  else if (!writesAnything(output) && !top.jwt_svids.given) {
    faults.add(at, `at least one of the sets (${all}), 'jwt_svids', or 'jwt_bundle_file_name' must be fully specified`)
  }
}
