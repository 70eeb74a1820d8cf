import { address, group, label, pattern, spiffeId, trustDomain, user } from '../schema/identifiers.js'
import { listOf } from '../schema/list.js'
import { nested } from '../schema/read-block.js'
import { duration, fileMode, flag, integer, oneOf } from '../schema/scalars.js'
import { defaulted, optional, required } from '../schema/spec.js'
import { alpnProtocol, serverName } from '../schema/tls.js'

/** The longest delay of a Node timer is 24.8 days; a longer one would fire at once. */
const longest = '576h'

/** Who may be on the other side. */
export const allowKeys = {
  ids: optional(listOf(spiffeId)),
  patterns: optional(listOf(pattern)),
  trust_domains: optional(listOf(trustDomain)),
  unsafe_allow_any: defaulted(flag, false, 'false'),
}

/** The file of a listener that is a unix socket. */
export const socketFileKeys = {
  socket_mode: optional(fileMode, '`0600`'),
  owner: optional(user, 'the user svidecar runs as'),
  group: optional(group, 'the group svidecar runs as'),
}

/** Everything that can be said of a listener that is a unix socket. */
export const unixListenerKeys = {
  ...socketFileKeys,
  allow_uids: optional(listOf(user), 'every user the mode lets in'),
}

export const tunnelKeys = {
  mode: required(oneOf('client', 'server')),
  listen: required(address),
  target: required(address),
  identity: optional(label, 'the only one'),
  allow: required(nested(allowKeys)),
  alpn: defaulted(listOf(alpnProtocol, { empty: true, max: 16 }), [], '[]'),
  server_name: optional(serverName, '`""`: none is sent'),
  min_tls_version: defaulted(oneOf('1.3', '1.2'), '1.3', '"1.3"'),
  key_exchange: defaulted(
    listOf(oneOf('X25519MLKEM768', 'X25519', 'secp256r1', 'secp384r1')),
    ['X25519MLKEM768', 'X25519', 'secp256r1'],
    '["X25519MLKEM768", "X25519", "secp256r1"]',
  ),
  handshake_timeout: defaulted(duration('1ms', '24h'), 10_000, '10s'),
  connect_timeout: defaulted(duration('1ms', '24h'), 10_000, '10s'),
  close_timeout: defaulted(duration('1ms', longest), 60_000, '60s'),
  idle_timeout: defaulted(duration('0s', longest), 0, '0s'),
  max_connection_lifetime: defaulted(duration('0s', longest), 0, '0s'),
  max_connections: defaulted(integer(1, 1_000_000), 10_000, '10000'),
  max_handshakes: defaulted(integer(1, 100_000), 1024, '1024'),
  // TCP_KEEPIDLE is in whole seconds, at most 32767 of them.
  keepalive: defaulted(duration('1s', '9h'), 60_000, '60s'),
  close_on_expiry: defaulted(flag, false, 'false'),
  unsafe_plaintext: defaulted(flag, false, 'false'),
  ...unixListenerKeys,
}
