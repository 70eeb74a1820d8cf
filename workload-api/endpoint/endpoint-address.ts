import { isIPv4, isIPv6 } from 'node:net'
import { SpiffeError } from '../errors.js'

/** Where a Workload API is. */
export interface EndpointAddress {
  readonly kind: 'unix' | 'tcp'
  /** The name grpc-js dials: an address as it is, never a name to resolve. */
  readonly target: string
  /** The canonical URI, for messages: `unix:///run/agent.sock`, `tcp://127.0.0.1:8081`. */
  readonly display: string
  /** The socket's path; undefined for TCP. */
  readonly path: string | undefined
}

/** The environment variable of SPIFFE Workload Endpoint section 4. */
export const endpointSocketVariable = 'SPIFFE_ENDPOINT_SOCKET'

/**
 * `sockaddr_un.sun_path` less its terminator. libuv of Node 20 cuts a longer path off silently, so that another socket
 * than the one that was named would be dialled.
 */
const maxSocketPathLength = process.platform === 'darwin' ? 103 : 107

/** The address given, or the one of `SPIFFE_ENDPOINT_SOCKET`; the standard defines no default path. */
export function resolveEndpointAddress(
  address: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): EndpointAddress {
  const text = address ?? environment[endpointSocketVariable]
  if (text === undefined || text === '') {
    const message = `no Workload API address: give one or set ${endpointSocketVariable}`
    throw new SpiffeError('ERR_ENDPOINT_ADDRESS_MISSING', message)
  }
  return parseEndpointAddress(text)
}

/**
 * Parses the address of a Workload API (SPIFFE Workload Endpoint section 4): `unix:///path`, `unix:/path`,
 * `tcp://ip:port`, or a bare absolute path, which is not of the standard but what files name. By hand, since `URL`
 * resolves `..`, drops default ports and accepts numbers such as `0x7f000001` for hosts.
 *
 * @throws {SpiffeError} `ERR_ENDPOINT_ADDRESS_INVALID`
 */
export function parseEndpointAddress(text: string): EndpointAddress {
  if (text.startsWith('/')) return unixAddress(text)
  if (text.startsWith('unix:')) return unixAddress(pathOfUri(text.slice('unix:'.length)))
  if (text.startsWith('tcp://')) return tcpAddress(text.slice('tcp://'.length))
  throw invalid('it is neither an absolute path nor starts with "unix:" or "tcp://"')
}

function pathOfUri(rest: string): string {
  if (/[?#]/.test(rest)) throw invalid('a unix address has neither query nor fragment')
  if (rest.startsWith('//') && !rest.startsWith('///'))
    throw invalid('a unix address has no authority: write unix:///path')
  try {
    return decodeURIComponent(rest.startsWith('///') ? rest.slice(2) : rest)
  } catch (error) {
    throw invalid('its percent-encoding is broken', error)
  }
}

function unixAddress(path: string): EndpointAddress {
  if (!path.startsWith('/')) throw invalid('the path is not absolute')
  if (path.endsWith('/')) throw invalid('the path names a directory')
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(path)) throw invalid('the path has a control character')
  if (Buffer.byteLength(path) > maxSocketPathLength)
    throw invalid(`the path is longer than ${maxSocketPathLength} bytes`)
  // With an empty authority: grpc-js would take the first segment of a path that starts with two slashes for one.
  return { kind: 'unix', target: `unix://${path}`, display: `unix://${path}`, path }
}

function tcpAddress(rest: string): EndpointAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})$/.exec(rest)
  const [, ipv6, ipv4, port] = match ?? []
  if (port === undefined || Number(port) > 65_535) throw invalid('a tcp address is tcp://IP:PORT and nothing else')
  if (ipv6 !== undefined && isIPv6(ipv6)) return tcpEndpoint('ipv6', `[${ipv6}]:${port}`)
  if (ipv4 !== undefined && isIPv4(ipv4)) return tcpEndpoint('ipv4', `${ipv4}:${port}`)
  throw invalid('the host of a tcp address must be an IP address')
}

function tcpEndpoint(family: 'ipv4' | 'ipv6', hostPort: string): EndpointAddress {
  return { kind: 'tcp', target: `${family}:${hostPort}`, display: `tcp://${hostPort}`, path: undefined }
}

function invalid(reason: string, cause?: unknown): SpiffeError {
  return new SpiffeError('ERR_ENDPOINT_ADDRESS_INVALID', `the address of the Workload API is invalid: ${reason}`, {
    ...(cause !== undefined && { cause }),
  })
}
