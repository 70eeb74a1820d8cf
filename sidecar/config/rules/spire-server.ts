import { join, resolve } from 'node:path'
import { parseSpiffeId, trustDomainOf } from '../../../workload-api/index.js'
import { quoted } from '../faults.js'
import type { SpireServerIdentityConfig, WorkloadApiIdentityConfig } from '../model.js'
import type { Field, Reading } from '../schema/spec.js'
import { attestationOf, type AttestationContext } from './attestation.js'
import type { IdentityBlock } from './identities.js'

/** What the rest of the file says that matters to such an identity. */
export interface SpireServerContext extends AttestationContext {
  readonly stateDir: Field<string | undefined>
  /** Whether the labelled provider keeps its keys in a device. */
  readonly isDevice: (label: string | undefined) => boolean
}

type Base = Pick<WorkloadApiIdentityConfig, 'name' | 'hint' | 'keyProvider'>
type Trust = SpireServerIdentityConfig['trust']

/** What SPIRE signs for (its own key manager makes no others either, but it takes what Go reads). */
const signedKeyTypes = ['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-4096'] as const

export function spireServerOf(
  base: Base,
  block: IdentityBlock,
  context: SpireServerContext,
  reading: Reading,
): SpireServerIdentityConfig | undefined {
  const { fields, site } = block
  const { faults } = reading
  const keyType = fields.key_type.value ?? 'ec-p256'
  if (!signedKeyTypes.some((type) => type === keyType)) {
    const all = signedKeyTypes.map((type) => quoted(type)).join(', ')
    faults.add(fields.key_type.at, `"key_type" with source "spire-server" needs one of ${all}`)
  }
  if (context.stateDir.value === undefined && !site.broken) {
    faults.add(site.at, `${site.name} needs "state_dir" outside of blocks, to keep what its attestation gave`)
  }
  const trust = trustOf(base, block, context, reading)
  const trustDomain = trustDomainOfIdentity(block, reading)
  const attestation = fields.attestation.value && attestationOf(fields.attestation.value, context, reading)
  const { server_address: server, spiffe_id: spiffeId } = fields
  if (server.value !== undefined && server.value.kind !== 'tcp') {
    faults.add(server.at, '"server_address" needs the address:port on which the server serves agents')
    return undefined
  }
  if (server.value === undefined || spiffeId.value === undefined || context.stateDir.value === undefined)
    return undefined
  if (trust === undefined || trustDomain === undefined || attestation === undefined) return undefined
  return {
    ...base,
    source: 'spire-server',
    spiffeId: spiffeId.value,
    entryId: fields.entry_id.value,
    serverAddress: server.value,
    trustDomain,
    trust,
    attestation,
    keyType,
    keyRotation: fields.key_rotation.value ?? 'new',
    pollIntervalMs: fields.poll_interval.value,
    stateDir: join(resolve(context.stateDir.value), base.name),
  }
}

function trustOf(
  { keyProvider }: Base,
  block: IdentityBlock,
  context: SpireServerContext,
  { faults }: Reading,
): Trust | undefined {
  const { fields, site } = block
  const { trust_bundle_path: path, trust_bundle_url: url, unsafe_bootstrap: unsafe } = fields
  const ways: readonly { name: string; field: Field<unknown>; given: boolean; trust: () => Trust | undefined }[] = [
    {
      name: 'trust_bundle_path',
      field: path,
      given: path.given,
      trust: () => (path.value === undefined ? undefined : { kind: 'file', path: resolve(path.value) }),
    },
    {
      name: 'trust_bundle_url',
      field: url,
      given: url.given,
      trust: () => (url.value === undefined ? undefined : { kind: 'url', url: url.value }),
    },
    {
      name: 'unsafe_bootstrap',
      field: unsafe,
      given: unsafe.value === true,
      trust: () => ({ kind: 'first-contact' }),
    },
  ]
  const [first, second] = ways.filter(({ given }) => given)
  if (first === undefined) {
    if (!site.broken)
      faults.add(
        site.at,
        `${site.name} has no "trust_bundle_path" or "trust_bundle_url": by which is the server known?`,
      )
    return undefined
  }
  if (second !== undefined)
    faults.add(second.field.at, `${quoted(second.name)} stands beside ${quoted(first.name)}: keep one`)
  if (url.value !== undefined && !isHttps(url.value))
    faults.add(url.at, '"trust_bundle_url" needs a URL that begins with https://')
  if (unsafe.value === true && context.isDevice(keyProvider)) {
    faults.add(
      unsafe.at,
      '"unsafe_bootstrap" believes whoever answers, which a key in a device is not kept for: give a trust bundle',
    )
  }
  return first.trust()
}

function isHttps(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:'
}

/** The server's trust domain is that of its workloads. */
function trustDomainOfIdentity({ fields }: IdentityBlock, { faults }: Reading): string | undefined {
  const { spiffe_id: spiffeId, trust_domain: trustDomain } = fields
  if (spiffeId.value === undefined) return trustDomain.value
  const own = trustDomainOf(parseSpiffeId(spiffeId.value))
  if (trustDomain.value === undefined || trustDomain.value === own) return own
  faults.add(
    trustDomain.at,
    `"trust_domain" is not that of "spiffe_id", ${quoted(own)}: a server issues for its own only`,
  )
  return undefined
}
