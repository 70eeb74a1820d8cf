import { isIP } from 'node:net'
import { quoted } from '../faults.js'
import type { HealthConfig } from '../output-model.js'
import type { Block } from '../schema/read-document.js'
import type { Reading } from '../schema/spec.js'
import type { healthChecksKeys } from '../tables/index.js'
import type { ListenAddresses } from './listeners.js'

/** The probes of the file; undefined when they are off, and after a fault. */
export function healthChecksOf(
  { fields, site }: Block<typeof healthChecksKeys>,
  listeners: ListenAddresses,
  { faults }: Reading,
): HealthConfig | undefined {
  const { bind_address: address, bind_port: port, liveness_path: liveness, readiness_path: readiness } = fields
  for (const path of [liveness, readiness]) {
    if (!/^\/[\w.~!$&'()*+,;=:@/%-]*$/.test(path.value)) {
      faults.add(path.at, `${quoted(path.value)} is no path of a URL: it starts with "/" and has no query`)
    }
  }
  if (liveness.value === readiness.value) {
    faults.add(
      readiness.at,
      '"liveness_path" and "readiness_path" are the same: a probe could not tell which it asks for',
    )
  }
  if (!fields.listener_enabled.value) return undefined
  const host = address.value
  if (host !== undefined && host !== 'localhost' && isIP(host) === 0) {
    faults.add(address.at, '"bind_address" needs an IP address or "localhost"')
    return undefined
  }
  listeners.claim({ kind: 'tcp', host: host ?? '::', port: port.value }, port.at, site.name)
  return { host, port: port.value, livenessPath: liveness.value, readinessPath: readiness.value }
}
