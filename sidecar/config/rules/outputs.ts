import { quoted } from '../faults.js'
import type { HookConfig, JwtSvidFileConfig, OutputConfig } from '../output-model.js'
import type { Block } from '../schema/read-document.js'
import type { Field, Fields, Reading } from '../schema/spec.js'
import type { jwtSvidKeys, onUpdateKeys, outputKeys } from '../tables/index.js'
import type { OutputIdentities } from './output-identities.js'
import type { OutputPaths } from './output-paths.js'

type OutputFields = Fields<typeof outputKeys>

/** What is left of an output block when its rules hold; undefined after a fault. */
export function outputOf(
  { fields, site, label: name }: Block<typeof outputKeys>,
  identities: OutputIdentities,
  paths: OutputPaths,
  reading: Reading,
): OutputConfig | undefined {
  const identity = identities.choose(fields.identity, site.name)
  const pidFileName = given(fields.pid_file_name.value)
  const renewSignal = given(fields.renew_signal.value)
  checkSignal(pidFileName, renewSignal, fields, site.name, reading)
  if (identity === undefined || fields.dir.value === undefined) return undefined
  const output: OutputConfig = {
    name,
    identity,
    directory: fields.dir.value,
    layout: fields.layout.value,
    ...namesOf(fields),
    ...modesOf(fields),
    jwtSvids: jwtSvidsOf(fields.jwt_svids.value),
    owner: fields.owner.value,
    group: fields.group.value,
    onUpdate: hooksOf(fields.on_update.value),
    pidFileName,
    renewSignal: pidFileName === undefined ? undefined : renewSignal,
  }
  if (!writesAnything(output)) {
    reading.faults.add(site.at, `${site.name} writes nothing: name a file of it, or set bundle_per_trust_domain`)
  }
  checkOutput(output, fields.svid_key_file_name, fields.include_federated_domains, identities, reading)
  paths.claim(output, site.at, site.name)
  return output
}

function namesOf(fields: OutputFields) {
  return {
    svidFileName: given(fields.svid_file_name.value),
    keyFileName: given(fields.svid_key_file_name.value),
    bundleFileName: given(fields.svid_bundle_file_name.value),
    bundlePerTrustDomain: fields.bundle_per_trust_domain.value,
    addIntermediatesToBundle: fields.add_intermediates_to_bundle.value,
    includeFederatedDomains: fields.include_federated_domains.value,
    omitExpired: fields.omit_expired.value,
    jwtBundleFileName: given(fields.jwt_bundle_file_name.value),
    jwksFileName: given(fields.jwks_file_name.value),
    spiffeBundleFileName: given(fields.spiffe_bundle_file_name.value),
  }
}

function modesOf(fields: OutputFields) {
  return {
    certFileMode: fields.cert_file_mode.value,
    keyFileMode: fields.key_file_mode.value,
    jwtBundleFileMode: fields.jwt_bundle_file_mode.value,
    jwtSvidFileMode: fields.jwt_svid_file_mode.value,
  }
}

function checkSignal(
  pidFileName: string | undefined,
  renewSignal: string | undefined,
  fields: OutputFields,
  output: string,
  { faults }: Reading,
): void {
  if (pidFileName !== undefined && renewSignal === undefined) {
    faults.add(fields.pid_file_name.at, 'must specify renew_signal when using pid_file_name')
  }
  if (pidFileName === undefined && renewSignal !== undefined) {
    faults.add(fields.renew_signal.at, `"renew_signal" of ${output} has nobody to go to: it is for its "pid_file_name"`)
  }
}

/** The rules of files, whichever keys name them. */
export function checkOutput(
  output: OutputConfig,
  key: Field<unknown>,
  federated: Field<boolean>,
  identities: OutputIdentities,
  { faults, warnings }: Reading,
): void {
  if (wantsTokens(output) && !identities.hasTokens(output.identity)) {
    faults.add(
      key.at,
      `files of tokens or their bundles of identity ${quoted(output.identity)} are not supported by this version: it is of source "spire-server"`,
    )
  }
  const device = identities.deviceOf(output.identity)
  if (output.keyFileName !== undefined && device !== undefined) {
    faults.add(
      key.at,
      `the key of identity ${quoted(output.identity)} stays in its device (${device}): declare a second identity for the files`,
    )
  }
  if (federated.value) {
    warnings.add(
      federated.at,
      '"include_federated_domains" merges the authorities of other trust domains into one file: for whoever reads it ' +
        'each of them speaks for every other; "bundle_per_trust_domain" of an output block keeps them apart',
    )
  }
}

function wantsTokens({ jwtSvids, jwtBundleFileName, jwksFileName, spiffeBundleFileName }: OutputConfig): boolean {
  const names = [jwtBundleFileName, jwksFileName, spiffeBundleFileName]
  return jwtSvids.length > 0 || names.some((name) => name !== undefined)
}

export function writesAnything(output: OutputConfig): boolean {
  const { svidFileName, keyFileName, bundleFileName, jwtBundleFileName, jwksFileName, spiffeBundleFileName } = output
  const names = [svidFileName, keyFileName, bundleFileName, jwtBundleFileName, jwksFileName, spiffeBundleFileName]
  return output.bundlePerTrustDomain || output.jwtSvids.length > 0 || names.some((name) => name !== undefined)
}

export function jwtSvidsOf(blocks: readonly Fields<typeof jwtSvidKeys>[] | undefined): readonly JwtSvidFileConfig[] {
  return (blocks ?? []).flatMap(({ jwt_audience: first, jwt_extra_audiences: more, jwt_svid_file_name: name }) =>
    first.value === undefined || given(name.value) === undefined
      ? []
      : [{ audiences: [...new Set([first.value, ...more.value])], fileName: name.value ?? '' }],
  )
}

function hooksOf(blocks: readonly Fields<typeof onUpdateKeys>[] | undefined): readonly HookConfig[] {
  return (blocks ?? []).flatMap(({ command, timeout, retries }) =>
    command.value === undefined ? [] : [{ command: command.value, timeoutMs: timeout.value, retries: retries.value }],
  )
}

/** Empty is not given, as in spiffe-helper. */
export function given<T extends string>(value: T | '' | undefined): T | undefined {
  return value === '' ? undefined : value
}
