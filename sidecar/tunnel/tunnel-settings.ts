import type { ListenEndpoint, TunnelSettings } from '../../native/index.js'
import type { Address, TunnelConfig } from '../config/model.js'

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

/** An address as it is written in a file: `127.0.0.1:80`, `[::1]:80`, `unix:/p`. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
