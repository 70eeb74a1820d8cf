import { resolve } from 'node:path'
import { parseEndpointAddress } from '../../../workload-api/index.js'
import type { AdminConfig, IdentityConfig } from '../model.js'
import type { Block } from '../schema/read-document.js'
import type { Reading } from '../schema/spec.js'
import type { workloadApiKeys } from '../tables/index.js'
import { unixOnly } from './authorities.js'
import type { ListenAddresses } from './listeners.js'

/** Where the identities of this process are served; undefined after a fault. */
export function workloadApiOf(
  { fields, site }: Block<typeof workloadApiKeys>,
  identities: readonly IdentityConfig[],
  listeners: ListenAddresses,
  reading: Reading,
): AdminConfig | undefined {
  const why = 'its callers are known by their uid'
  const listener = unixOnly(fields.listen, why, site.name, fields, listeners, reading)
  if (listener === undefined) return undefined
  const path = resolve(listener.listen.path)
  const asks = identities.find(
    (identity) => identity.source === 'workload-api' && socketOf(identity.agentAddress) === path,
  )
  if (asks !== undefined) {
    reading.faults.add(
      fields.listen.at,
      `"listen" of ${site.name} is the agent address of identity "${asks.name}": it would ask itself for its SVIDs`,
    )
  }
  return listener
}

function socketOf(agentAddress: string): string | undefined {
  const { path } = parseEndpointAddress(agentAddress)
  return path === undefined ? undefined : resolve(path)
}
