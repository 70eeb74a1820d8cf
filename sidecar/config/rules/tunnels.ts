import { formatAddress, isLocal } from '../address.js'
import { quoted } from '../faults.js'
import type { Address, TunnelConfig } from '../model.js'
import type { Block } from '../schema/read-document.js'
import type { Field, Fields, Reading } from '../schema/spec.js'
import type { tunnelKeys } from '../tables/index.js'
import { allowOf } from './allow.js'
import { unixListenOf, type ListenAddresses } from './listeners.js'
import type { Labels } from './references.js'

type TunnelFields = Fields<typeof tunnelKeys>

/** What is left of a tunnel block when its rules hold; undefined after a fault. */
export function tunnelOf(
  block: Block<typeof tunnelKeys>,
  identities: Labels,
  listeners: ListenAddresses,
  reading: Reading,
): TunnelConfig | undefined {
  const { fields, site, label: name } = block
  const { mode, listen, target } = fields
  const identity = identityOf(fields, site.name, identities, reading)
  const allow = allowOf(fields.allow, site.name, reading)
  checkEnds(fields, reading)
  if (listen.value !== undefined) listeners.claim(listen.value, listen.at, site.name)
  const unixListen = listen.value === undefined ? undefined : unixListenOf(listen.value, fields, reading)
  if (!mode.value || !listen.value || !target.value || identity === undefined || !allow) return undefined
  const ends = { mode: mode.value, listen: listen.value, unixListen, target: target.value }
  return { name, ...ends, identity, allow, ...settingsOf(fields) }
}

function settingsOf(fields: TunnelFields) {
  return {
    alpn: fields.alpn.value,
    serverName: fields.server_name.value ?? '',
    minTlsVersion: fields.min_tls_version.value,
    keyExchange: fields.key_exchange.value,
    handshakeTimeoutMs: fields.handshake_timeout.value,
    connectTimeoutMs: fields.connect_timeout.value,
    closeTimeoutMs: fields.close_timeout.value,
    idleTimeoutMs: fields.idle_timeout.value,
    maxConnectionLifetimeMs: fields.max_connection_lifetime.value,
    maxConnections: fields.max_connections.value,
    maxHandshakes: fields.max_handshakes.value,
    keepaliveMs: fields.keepalive.value,
    closeOnExpiry: fields.close_on_expiry.value,
    unsafePlaintext: fields.unsafe_plaintext.value,
  }
}

function identityOf(
  { identity }: TunnelFields,
  tunnel: string,
  identities: Labels,
  reading: Reading,
): string | undefined {
  identities.check(identity)
  if (identity.value !== undefined) return identity.value
  if (identities.only === undefined && identities.size > 1 && !identity.given) {
    reading.faults.add(identity.at, `${tunnel} has no "identity", and there are ${identities.size} to choose from`)
  }
  return identities.only
}

function checkEnds({ mode, listen, target, server_name, unsafe_plaintext }: TunnelFields, { faults }: Reading): void {
  if (target.value?.kind === 'tcp' && target.value.port === 0)
    faults.add(target.at, '"target" needs a port other than 0')
  if (mode.value === 'server' && server_name.given) {
    faults.add(server_name.at, '"server_name" is what a client sends, and "mode" is "server"')
  }
  const [key, plaintext]: [string, Field<Address | undefined>] =
    mode.value === 'client' ? ['listen', listen] : ['target', target]
  if (mode.value === undefined || plaintext.value === undefined || unsafe_plaintext.value || isLocal(plaintext.value))
    return
  const where = quoted(formatAddress(plaintext.value))
  const risk =
    key === 'listen' ? 'whoever reaches it speaks with this identity' : 'what peers send goes on in plaintext'
  faults.add(
    plaintext.at,
    `${quoted(key)} ${where} is the plaintext side and not on this machine alone: ${risk}; unsafe_plaintext = true permits it`,
  )
}
