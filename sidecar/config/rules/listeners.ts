import { resolve } from 'node:path'
import { formatAddress, isListenable } from '../address.js'
import { quoted, type Position } from '../faults.js'
import type { Address, UnixListenConfig } from '../model.js'
import type { Field, Reading } from '../schema/spec.js'

const defaultSocketMode = 0o600
/** A listener is bound under a name beside its own first, which is a few bytes longer and must fit in `sun_path` too. */
const maxListenPathBytes = 100

interface UnixListenerFields {
  readonly socket_mode: Field<number | undefined>
  readonly owner: Field<number | undefined>
  readonly group: Field<number | undefined>
  readonly allow_uids?: Field<readonly number[] | undefined>
}

/** Owner and permission of a unix listener; the keys for it are faults beside a TCP address, where they would do nothing. */
export function unixListenOf(
  listen: Address,
  fields: UnixListenerFields,
  { faults }: Reading,
): UnixListenConfig | undefined {
  const { socket_mode, owner, group, allow_uids } = fields
  if (listen.kind === 'unix') {
    return {
      mode: socket_mode.value ?? defaultSocketMode,
      owner: owner.value,
      group: group.value,
      allowUids: allow_uids?.value,
    }
  }
  for (const [key, field] of Object.entries({ socket_mode, owner, group, allow_uids })) {
    if (field?.given === true)
      faults.add(field.at, `${quoted(key)} is for a unix socket, and "listen" is ${formatAddress(listen)}`)
  }
  return undefined
}

/** Every address the file listens on: no two may be the same, or the second could not be bound. */
export class ListenAddresses {
  readonly #taken = new Map<string, string>()
  readonly #reading: Reading

  constructor(reading: Reading) {
    this.#reading = reading
  }

  /** Reports an address nobody can listen on, or one that another block has. */
  claim(listen: Address, at: Position, owner: string): void {
    const { faults } = this.#reading
    if (!isListenable(listen)) {
      faults.add(at, '"listen" needs an IP address or "localhost", not a name: whose address it is today may change')
      return
    }
    if (listen.kind === 'unix' && Buffer.byteLength(listen.path) > maxListenPathBytes) {
      faults.add(at, `"listen" has a path of more than ${maxListenPathBytes} bytes, too long to be bound`)
    }
    const { own, conflicts } = claims(listen)
    const holder = conflicts.map((key) => this.#taken.get(key)).find((name) => name !== undefined)
    if (holder !== undefined) {
      faults.add(at, `"listen" ${quoted(formatAddress(listen))} is the address of ${holder} too`)
    }
    for (const key of own) if (!this.#taken.has(key)) this.#taken.set(key, owner)
  }
}

interface Claims {
  readonly own: readonly string[]
  readonly conflicts: readonly string[]
}

/**
 * What an address takes for itself and what it cannot share its port with. `some4` is any IPv4 listener on the port,
 * `all4` one that takes it on every IPv4 address; `[::]` takes it on those too. `localhost` is both loopback addresses.
 */
function claims(listen: Address): Claims {
  if (listen.kind === 'unix') {
    const key = `unix:${resolve(listen.path)}`
    return { own: [key], conflicts: [key] }
  }
  const { host, port } = listen
  // The kernel picks a free port for each.
  if (port === 0) return { own: [], conflicts: [] }
  if (host === '0.0.0.0') return { own: [`some4:${port}`, `all4:${port}`], conflicts: [`some4:${port}`] }
  if (host === '::') {
    const some = [`some4:${port}`, `some6:${port}`]
    return { own: [...some, `all4:${port}`, `all6:${port}`], conflicts: some }
  }
  const parts = (host === 'localhost' ? ['127.0.0.1', '::1'] : [host]).map((address) => oneAddress(address, port))
  return { own: parts.flatMap(({ own }) => own), conflicts: parts.flatMap(({ conflicts }) => conflicts) }
}

function oneAddress(address: string, port: number): Claims {
  // Only IPv6 has colons. Node's isIPv6 compiles a large expression when it is first asked, which `health` would feel.
  const family = address.includes(':') ? 6 : 4
  const key = `${address}:${port}`
  return { own: [key, `some${family}:${port}`], conflicts: [key, `all${family}:${port}`] }
}
