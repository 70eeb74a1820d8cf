import { isIPv4, isIPv6 } from 'node:net'
import { textType } from './scalars.js'
import type { ValueType } from './spec.js'

/** RFC 7301 section 3.1: 1 to 255 bytes. Ours are printable ASCII, as every registered one of use here is. */
export const alpnProtocol: ValueType<string> = textType('string', 'the name of a protocol such as "h2"', (value) =>
  /^[\u0021-\u007e]{1,255}$/.test(value) ? { value } : { fault: 'needs names of 1 to 255 printable ASCII characters' },
)

const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/

/** RFC 6066 section 3: a DNS name without a trailing dot, never an address. Empty: none is sent. */
export const serverName: ValueType<string> = textType('string', 'a DNS name', (value) => {
  if (isIPv4(value) || isIPv6(value)) return { fault: 'is an address; TLS sends names only' }
  return value === '' || hostName.test(value) ? { value } : { fault: 'is no DNS name' }
})
