import type { AdminConfig, AuthorityConfig, MetricsConfig } from '../model.js'
import type { Block } from '../schema/read-document.js'
import type { Reading } from '../schema/spec.js'
import type { adminKeys, authorityKeys, metricsKeys } from '../tables/index.js'
import { unixListenOf, type ListenAddresses } from './listeners.js'
import type { Labels } from './references.js'

/** What is left of an authority block when its rules hold; undefined after a fault. */
export function authorityOf(
  { fields, label, site }: Block<typeof authorityKeys>,
  keyProviders: Labels,
  listeners: ListenAddresses,
  reading: Reading,
): AuthorityConfig | undefined {
  const { faults } = reading
  const { listen, trust_domain: trustDomain, svid_ttl: svidTtl, ca_ttl: caTtl, data_dir: dataDir } = fields
  keyProviders.check(fields.key_provider)
  if (svidTtl.value >= caTtl.value) {
    const { at } = svidTtl.given ? svidTtl : caTtl
    faults.add(at, '"svid_ttl" must be shorter than "ca_ttl": an SVID does not outlive what signed it')
  }
  if (dataDir.given && !fields.key_provider.given) {
    faults.add(dataDir.at, '"data_dir" needs a "key_provider": the CA key is not written to a disk in the clear')
  }
  const unix = unixOnly(listen, 'the authority knows its callers by their uid', site.name, fields, listeners, reading)
  if (unix === undefined || trustDomain.value === undefined) return undefined
  return {
    name: label,
    ...unix,
    trustDomain: trustDomain.value,
    svidTtlMs: svidTtl.value,
    caTtlMs: caTtl.value,
    registrationFile: fields.registration_file.value,
    dataDir: dataDir.value,
    keyProvider: fields.key_provider.value,
    keyType: fields.key_type.value,
  }
}

export function adminOf(
  { fields, site }: Block<typeof adminKeys>,
  listeners: ListenAddresses,
  reading: Reading,
): AdminConfig | undefined {
  return unixOnly(fields.listen, 'whoever reaches it can reload', site.name, fields, listeners, reading)
}

export function metricsOf(
  { fields, site }: Block<typeof metricsKeys>,
  listeners: ListenAddresses,
  reading: Reading,
): MetricsConfig | undefined {
  const { value: listen, at } = fields.listen
  if (listen === undefined) return undefined
  listeners.claim(listen, at, site.name)
  return { listen, unixListen: unixListenOf(listen, fields, reading) }
}

/** A listener that may only be a unix socket, for the reason given. */
export function unixOnly(
  { value: listen, at }: Block<typeof adminKeys>['fields']['listen'],
  why: string,
  owner: string,
  fields: Parameters<typeof unixListenOf>[1],
  listeners: ListenAddresses,
  reading: Reading,
): AdminConfig | undefined {
  if (listen === undefined) return undefined
  if (listen.kind !== 'unix') {
    reading.faults.add(at, `"listen" of ${owner} needs a unix socket: ${why}`)
    return undefined
  }
  listeners.claim(listen, at, owner)
  const unixListen = unixListenOf(listen, fields, reading)
  return unixListen === undefined ? undefined : { listen, unixListen }
}
