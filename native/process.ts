import { addon, packageVersion } from './loader.js'
import { crossing } from './errors.js'

/** The version of the package. An addon of another version is not loaded. */
export const version: string = packageVersion

/**
 * The process on the other end of a connected unix socket, as the kernel recorded it (`SO_PEERCRED`); `pid` is 0 when it
 * lives in a PID namespace that this process cannot see. `undefined` when the descriptor is no such socket.
 */
export function peerCredentials(fd: number): { uid: number; gid: number; pid: number } | undefined {
  return crossing(() => addon().peerCredentials(fd)) ?? undefined
}

/** How many descriptors this process may hold; `Infinity` when unlimited. */
export function nofileLimit(): { soft: number; hard: number } {
  return crossing(() => addon().nofileLimit())
}

/** Forbids core files for this process and its children: a core holds every private key. @throws {NativeError} */
export function disableCoreFiles(): void {
  crossing(() => addon().disableCoreFiles())
}
