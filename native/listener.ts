import type { BindingEndpoint, BindingListener, BindingUnixOptions } from './binding.js'
import { crossingAsync } from './errors.js'
import { addon } from './loader.js'

/** Where a tunnel's connections go. `host` is an IP literal or a name, resolved at each dial. */
export type Endpoint =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** Who may connect to a unix listener: the file's mode (0o600) and owner, and the uids on the other end. */
export interface ListenOptions {
  readonly mode?: number | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** uids admitted by `SO_PEERCRED`; without it, all whom the mode lets in. */
  readonly allowUids?: readonly number[] | undefined
  /** Only this very process may connect, by the pid of `SO_PEERCRED`: its own tunnel to somewhere. */
  readonly ownProcess?: boolean | undefined
}

/** Where a tunnel listens. A TCP host is an IP literal or `localhost`; port 0 takes any free one. */
export type ListenEndpoint =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | ({ readonly kind: 'unix'; readonly path: string } & ListenOptions)

const defaultMode = 0o600

export function bindingEndpoint(endpoint: Endpoint): BindingEndpoint {
  return endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port }
}

export function bindingUnixOptions({ mode, uid, gid, allowUids, ownProcess }: ListenOptions): BindingUnixOptions {
  return {
    mode: mode ?? defaultMode,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(allowUids === undefined ? {} : { allowUids: [...allowUids] }),
    ...(ownProcess === undefined ? {} : { ownProcess }),
  }
}

/** A bound address. Nobody can connect before a tunnel opens it; a unix socket has only its temporary name until then. */
export class Listener {
  /** A label for messages. */
  readonly name: string
  /** `host:port` with the real port, or `unix:PATH`. */
  readonly address: string
  readonly #binding: BindingListener

  private constructor(name: string, binding: BindingListener) {
    this.name = name
    this.address = binding.address
    this.#binding = binding
  }

  /**
   * Takes an address. A unix socket already there is replaced only when it is ours and nobody answers on it.
   *
   * @throws {NativeError} `ERR_ADDRESS_IN_USE`, `ERR_ADDRESS_NOT_AVAILABLE`, `ERR_PERMISSION`, `ERR_SOCKET_IN_USE`,
   *   `ERR_SOCKET_NOT_OURS`, `ERR_IO`
   */
  static async bind(name: string, endpoint: ListenEndpoint): Promise<Listener> {
    const options = endpoint.kind === 'unix' ? bindingUnixOptions(endpoint) : undefined
    const binding = await crossingAsync(() => addon().bindListener(bindingEndpoint(endpoint), options))
    return new Listener(name, binding)
  }

  /** Gives the address up; nothing when a tunnel has taken it. */
  async close(): Promise<void> {
    this.#binding.close()
  }

  /** For a tunnel alone. @internal */
  static bindingOf(listener: Listener): BindingListener {
    return listener.#binding
  }
}
