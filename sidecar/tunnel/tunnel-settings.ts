import type { ListenEndpoint, TunnelSettings } from '../../native/index.js'
import type { TunnelConfig } from '../config/index.js'

/** The part of a tunnel's configuration that the data plane can change under a listening socket. */
export function tunnelSettings(config: TunnelConfig): TunnelSettings {
  return {
    mode: config.mode,
    target: config.target,
    alpn: config.alpn,
    serverName: config.serverName,
    minTlsVersion: config.minTlsVersion,
    keyExchange: config.keyExchange,
    handshakeTimeoutMs: config.handshakeTimeoutMs,
    connectTimeoutMs: config.connectTimeoutMs,
    closeTimeoutMs: config.closeTimeoutMs,
    idleTimeoutMs: config.idleTimeoutMs,
    maxConnectionLifetimeMs: config.maxConnectionLifetimeMs,
    maxConnections: config.maxConnections,
    maxHandshakes: config.maxHandshakes,
    keepaliveMs: config.keepaliveMs,
    closeOnExpiry: config.closeOnExpiry,
  }
}

/** The address to bind, with what a unix listener needs beside its path. */
export function listenEndpoint(config: TunnelConfig): ListenEndpoint {
  if (config.listen.kind === 'tcp' || config.unixListen === undefined) return config.listen
  const { mode, owner, group, allowUids } = config.unixListen
  return {
    kind: 'unix',
    path: config.listen.path,
    mode,
    ...(owner === undefined ? {} : { uid: owner }),
    ...(group === undefined ? {} : { gid: group }),
    ...(allowUids === undefined ? {} : { allowUids }),
  }
}
