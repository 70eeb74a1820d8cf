import { resolve } from 'node:path'
import { quoted } from '../faults.js'
import type { AttestationConfig } from '../model.js'
import type { LabelledBlock } from '../schema/labelled-block.js'
import type { Reading } from '../schema/spec.js'
import { suggestion } from '../schema/suggest.js'
import type { attestationKeys } from '../tables/index.js'
import type { Labels } from './references.js'

/** What the rest of the file says that matters to an attestation. */
export interface AttestationContext {
  readonly agentAddress: string
  readonly keyProviders: Labels
}

type AttestationBlock = LabelledBlock<typeof attestationKeys>

const attestors = ['join_token', 'x509pop'] as const

export function attestationOf(
  block: AttestationBlock,
  context: AttestationContext,
  reading: Reading,
): AttestationConfig | undefined {
  const { label } = block
  if (label.name === 'join_token') return joinTokenOf(block, reading)
  if (label.name === 'x509pop') {
    return block.fields.mode.value === 'spiffe'
      ? exchangeOf(block, context, reading)
      : possessionOf(block, context, reading)
  }
  const known = attestors.map((name) => quoted(name)).join(' or ')
  reading.faults.add(
    label.at,
    `"attestation" needs ${known}, not ${quoted(label.name)}${suggestion(label.name, attestors)}`,
  )
  return undefined
}

function joinTokenOf(block: AttestationBlock, reading: Reading): AttestationConfig | undefined {
  refuseOthers(block, ['token_file'], 'attestation "join_token"', reading)
  const path = requiredIn(block, 'token_file', reading)
  return path === undefined ? undefined : { type: 'join_token', tokenFile: resolve(path) }
}

function exchangeOf(
  block: AttestationBlock,
  { agentAddress }: AttestationContext,
  reading: Reading,
): AttestationConfig {
  refuseOthers(block, ['mode', 'agent_address', 'spiffe_id'], 'x509pop in mode "spiffe"', reading)
  const { agent_address: own, spiffe_id: spiffeId } = block.fields
  const address = own.value === undefined || own.value === '' ? agentAddress : own.value
  return { type: 'x509pop', mode: 'spiffe', agentAddress: address, spiffeId: spiffeId.value }
}

function possessionOf(
  block: AttestationBlock,
  { keyProviders }: AttestationContext,
  reading: Reading,
): AttestationConfig | undefined {
  const keys = ['mode', 'certificate_path', 'private_key_path', 'key_provider', 'key_name'] as const
  refuseOthers(block, keys, 'x509pop with a certificate of its own', reading)
  const { private_key_path: path, key_provider: provider, key_name: name } = block.fields
  const certificate = requiredIn(block, 'certificate_path', reading)
  keyProviders.check(provider)
  const certificatePath = certificate === undefined ? undefined : resolve(certificate)
  const inFile = path.given && !provider.given && !name.given
  const inProvider = !path.given && provider.given && name.given
  if (!inFile && !inProvider) {
    reading.faults.add(
      block.label.at,
      'the key of "certificate_path" is either in "private_key_path", or in "key_provider" by "key_name"',
    )
    return undefined
  }
  if (certificatePath === undefined) return undefined
  const base = { type: 'x509pop', mode: 'external_pki', certificatePath } as const
  if (path.value !== undefined) return { ...base, key: { path: resolve(path.value) } }
  if (provider.value === undefined || name.value === undefined) return undefined
  return { ...base, key: { keyProvider: provider.value, keyName: name.value } }
}

function requiredIn(
  block: AttestationBlock,
  key: 'token_file' | 'certificate_path',
  { faults }: Reading,
): string | undefined {
  const field = block.fields[key]
  if (!field.given) faults.add(block.label.at, `attestation ${quoted(block.label.name)} has no ${quoted(key)}`)
  return field.value
}

function refuseOthers(
  { fields }: AttestationBlock,
  taken: readonly (keyof typeof attestationKeys)[],
  what: string,
  { faults }: Reading,
): void {
  for (const [key, field] of Object.entries(fields)) {
    if (field.given && !taken.some((name) => name === key))
      faults.add(field.at, `${quoted(key)} does nothing in ${what}`)
  }
}
