import type { AllowConfig } from '../model.js'
import type { Field, Fields, Reading } from '../schema/spec.js'
import type { allowKeys } from '../tables/index.js'

const whom = 'name ids, patterns or trust_domains'

/** Who may be on the other side. Saying nothing is a fault: it could be read as nobody and as everybody. */
export function allowOf(
  allow: Field<Fields<typeof allowKeys> | undefined>,
  tunnel: string,
  { faults }: Reading,
): AllowConfig | undefined {
  if (allow.value === undefined) return undefined
  const { ids, patterns, trust_domains: trustDomains, unsafe_allow_any: any } = allow.value
  const lists = [ids, patterns, trustDomains]
  if (any.value) {
    for (const { at } of lists.filter(({ given }) => given)) {
      faults.add(at, '"unsafe_allow_any" stands alone: with it a list would restrict nothing')
    }
    return { any: true }
  }
  if (lists.every(({ given }) => !given)) {
    faults.add(allow.at, `"allow" of ${tunnel} names nobody: ${whom}`)
    return undefined
  }
  return { any: false, ids: ids.value ?? [], patterns: patterns.value ?? [], trustDomains: trustDomains.value ?? [] }
}
