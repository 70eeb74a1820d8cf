import { NativeError, type NativeErrorCode } from '../../native/index.js'
import { formatAddress, type TunnelConfig } from '../config/index.js'

/** What an operator can do about an address that cannot be had. */
const advice: Partial<Readonly<Record<NativeErrorCode, string>>> = {
  ERR_ADDRESS_IN_USE: 'the address is in use by another process',
  ERR_ADDRESS_NOT_AVAILABLE: 'no interface of this host has that address',
  ERR_PERMISSION: 'permission denied: a port below 1024, or a directory that is not writable',
  ERR_SOCKET_IN_USE: 'the socket is in use by a running process',
  ERR_SOCKET_NOT_OURS: 'what lies at that path is not a stale socket of this user: remove it',
}

/** A tunnel cannot listen; the text names the tunnel, the address and what stands in the way. */
export class ListenError extends Error {
  override readonly name = 'ListenError'

  constructor({ name, listen }: TunnelConfig, cause: unknown) {
    const known = cause instanceof NativeError ? advice[cause.code] : undefined
    super(`tunnel "${name}" cannot listen on ${formatAddress(listen)}${known === undefined ? '' : `: ${known}`}`, {
      cause,
    })
  }
}
