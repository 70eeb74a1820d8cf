import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import type { Address } from './model.js'
import type { Parsed } from './schema/scalars.js'

/** `sun_path` of unix(7) without its final NUL. */
const maxSocketPathBytes = 107
const hostName = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/

/** Parses `127.0.0.1:1`, `localhost:1`, `host.example:1`, `[::1]:1`, `unix:PATH`, `unix:///PATH`. */
export function parseAddress(written: string): Parsed<Address> {
  if (written === '') return { fault: 'is empty' }
  if (written.startsWith('unix:')) return parseUnix(written.slice('unix:'.length))
  if (written.startsWith('/')) return { fault: 'needs "unix:" before the path of a socket' }
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.exec(written)
  if (scheme) return { fault: 'takes no scheme: write address:port or unix:PATH' }
  return parseTcp(written)
}

function parseUnix(rest: string): Parsed<Address> {
  if (rest.startsWith('//') && !rest.startsWith('///')) {
    return { fault: 'has a host in its unix address: write unix:PATH or unix:///PATH' }
  }
  const path = rest.startsWith('///') ? rest.slice(2) : rest
  if (path === '') return { fault: 'has no path after "unix:"' }
  if (path.startsWith('@')) {
    return { fault: 'is an abstract socket: anyone on the machine could take its name, use one in a directory' }
  }
  if (/\p{Cc}/u.test(path)) return { fault: 'has a control character in its path' }
  if (path.endsWith('/')) return { fault: 'is a directory, not a socket' }
  const bytes = Buffer.byteLength(path)
  if (bytes > maxSocketPathBytes) {
    return { fault: `has a path of ${bytes} bytes; a unix socket's path has at most ${maxSocketPathBytes}` }
  }
  return { value: { kind: 'unix', path } }
}

function parseTcp(written: string): Parsed<Address> {
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<host>[^:[\]]*)):(?<port>[^:]*)$/.exec(written)
  if (match === null) return { fault: missingPort(written) }
  const { v6, host = '', port: digits = '' } = match.groups ?? {}
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN
  if (!(port <= 65535)) return { fault: 'needs a port from 0 to 65535 after the last colon' }
  if (v6 !== undefined) {
    if (v6.includes('%')) return { fault: 'has a zone in its IPv6 address, which is not supported' }
    return isIPv6(v6)
      ? tcp(new SocketAddress({ address: v6, family: 'ipv6' }).address, port)
      : { fault: 'has no IPv6 address between its brackets' }
  }
  if (host === '')
    return { fault: `has no host: for every address of the machine write 0.0.0.0:${port} or [::]:${port}` }
  if (isIPv4(host)) return tcp(host, port)
  // What ends in a number is an IPv4 address to every resolver (inet_aton reads 127.1 and 0x7f000001), or a mistake.
  if (/(?:^|\.)(?:\d+|0[xX][0-9A-Fa-f]*)\.?$/.test(host)) return { fault: 'has a malformed IPv4 address' }
  if (host.length > 253 || !hostName.test(host)) return { fault: 'has no valid host name before the port' }
  return tcp(host.toLowerCase(), port)
}

function missingPort(written: string): string {
  if (isIPv6(written)) return 'needs brackets around an IPv6 address and a port: [ADDRESS]:PORT'
  return written.includes(':')
    ? 'is no address: write address:port, [IPv6]:port or unix:PATH'
    : 'has no port: write address:port'
}

function tcp(host: string, port: number): Parsed<Address> {
  return { value: { kind: 'tcp', host, port } }
}

/** Whether what is sent there stays on this machine. A name other than `localhost` may resolve to anything. */
export function isLocal(address: Address): boolean {
  if (address.kind === 'unix') return true
  const { host } = address
  return host === 'localhost' || host === '::1' || /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/.test(host)
}

/** Whether one can listen there: names other than `localhost` are for dialling. */
export function isListenable(address: Address): boolean {
  return address.kind === 'unix' || address.host === 'localhost' || isIPv4(address.host) || isIPv6(address.host)
}

/** The address as it is written in a file. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}
