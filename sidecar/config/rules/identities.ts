import { resolve } from 'node:path'
import { quoted } from '../faults.js'
import type { AuthorityIdentityConfig, IdentityConfig, WorkloadApiIdentityConfig } from '../model.js'
import type { Block } from '../schema/read-document.js'
import type { Reading } from '../schema/spec.js'
import { suggestion } from '../schema/suggest.js'
import { type identityKeys, identitySources, type IdentitySourceRules } from '../tables/index.js'
import { spireServerOf, type SpireServerContext } from './spire-server.js'

export type IdentityBlock = Block<typeof identityKeys>

/** What is left of an identity block when its rules hold; undefined after a fault. */
export function identityOf(
  block: IdentityBlock,
  context: SpireServerContext,
  reading: Reading,
): IdentityConfig | undefined {
  const { source, spiffe_id: spiffeId, hint, key_provider: keyProvider } = block.fields
  context.keyProviders.check(keyProvider)
  const name = source.value ?? 'workload-api'
  const rules = sourceRules(name, block, reading)
  if (rules === undefined) return undefined
  checkKeys(rules, name, block, reading)
  if (spiffeId.given && hint.given && rules.refused.hint === undefined) {
    reading.faults.add(hint.at, '"spiffe_id" and "hint" both choose the SVID: keep one')
  }
  const base = { name: block.label, spiffeId: spiffeId.value, hint: hint.value, keyProvider: keyProvider.value }
  if (name === 'authority') return ofAuthority(base, block, reading)
  if (name === 'spire-server') return spireServerOf(base, block, context, reading)
  return { ...base, source: 'workload-api', agentAddress: context.agentAddress }
}

type Base = Pick<WorkloadApiIdentityConfig, 'name' | 'spiffeId' | 'hint' | 'keyProvider'>

function sourceRules(name: string, { fields }: IdentityBlock, { faults }: Reading): IdentitySourceRules | undefined {
  const rules = Object.hasOwn(identitySources, name) ? identitySources[name] : undefined
  if (rules !== undefined) return rules
  const sources = Object.keys(identitySources)
  const known = sources.map((source) => quoted(source)).join(' or ')
  faults.add(fields.source.at, `"source" needs ${known}, not ${quoted(name)}${suggestion(name, sources)}`)
  return undefined
}

function checkKeys(
  rules: IdentitySourceRules,
  source: string,
  { fields, site }: IdentityBlock,
  { faults }: Reading,
): void {
  for (const [key, why] of Object.entries(rules.refused)) {
    const field = Object.hasOwn(fields, key) ? fields[key as keyof typeof fields] : undefined
    if (field?.given === true) faults.add(field.at, `${quoted(key)} ${why}`)
  }
  for (const key of rules.required) {
    if (!fields[key].given && !site.broken) {
      faults.add(site.at, `${site.name} has no ${quoted(key)}, which source ${quoted(source)} needs`)
    }
  }
}

function ofAuthority(base: Base, { fields }: IdentityBlock, { faults }: Reading): AuthorityIdentityConfig | undefined {
  const { authority_address: address, key_type: keyType, key_rotation: keyRotation } = fields
  if (address.value === undefined) return undefined
  if (address.value.kind !== 'unix') {
    faults.add(address.at, '"authority_address" needs a unix socket: the authority knows its callers by their uid')
    return undefined
  }
  return {
    ...base,
    source: 'authority',
    // The endpoint form of the standard has absolute paths only.
    authorityAddress: `unix:${resolve(address.value.path)}`,
    keyType: keyType.value ?? 'ec-p256',
    keyRotation: keyRotation.value ?? 'new',
  }
}
