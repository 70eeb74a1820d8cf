import { SpiffeError } from '../errors.js'
import type { X509BundleSet } from '../x509/x509-bundle.js'
import type { X509Context } from '../x509/x509-context.js'
import type { X509Svid } from '../x509/x509-svid.js'
import { svidFolderFeed, type SvidFolderOptions } from './svid-folder.js'
import { fixed, LiveSource, type Feed, type LiveSourceOptions } from './live-source.js'
import type { ReadyOptions } from './source.js'
import { whenReady } from './when-ready.js'
import { SourceClient, watchFeed, type WorkloadApiSourceOptions } from './workload-api-feed.js'

/** An identity and whom it trusts, of one moment. */
export interface X509Snapshot {
  readonly svid: X509Svid
  readonly bundles: X509BundleSet
}

export interface X509SourceOptions extends WorkloadApiSourceOptions {
  /**
   * Chooses among several SVIDs; the first by default (Workload API section 8). Undefined: none of them will do, and
   * the source is as if it had none.
   */
  readonly picker?: (svids: readonly X509Svid[]) => X509Svid | undefined
}

/**
 * A source of an X.509-SVID with the bundles that came with it. `snapshot` never gives an SVID that has expired: with
 * its agent gone a source gives the last one until then, and fails afterwards (`ERR_X509_SVID_EXPIRED`).
 */
export class X509Source extends LiveSource<X509Snapshot> {
  private constructor(feed: Feed<X509Snapshot>, options: LiveSourceOptions<X509Snapshot>) {
    super(feed, { ...options, assertUsable: assertNotExpired })
  }

  /** Material that never changes. */
  static of(svid: X509Svid, bundles: X509BundleSet): X509Source {
    return new X509Source(fixed({ svid, bundles }), {})
  }

  /**
   * Follows a Workload API; does not wait for it.
   *
   * @throws {SpiffeError} `ERR_ENDPOINT_ADDRESS_INVALID` or `ERR_ENDPOINT_ADDRESS_MISSING`
   */
  static open(options: X509SourceOptions = {}): X509Source {
    const source = new SourceClient(options)
    const { picker = ([first]) => first } = options
    const feed = watchFeed(
      (call) => source.client.watchX509Context(call),
      (context) => pick(context, picker),
      options,
    )
    return new X509Source(source.whileFeeding(feed), options)
  }

  /**
   * Follows a Workload API and waits for its first answer; a source that is not ready in time is closed.
   *
   * @throws {SpiffeError} as `open` and `ready`
   */
  static async create(options: X509SourceOptions & ReadyOptions = {}): Promise<X509Source> {
    return whenReady(X509Source.open(options), options)
  }

  /** Follows the PEM files of a folder, as spiffe-helper writes them; what is not whole does not replace what is. */
  static folder(options: SvidFolderOptions): X509Source {
    return new X509Source(svidFolderFeed(options), options)
  }
}

function pick({ svids, bundles }: X509Context, picker: NonNullable<X509SourceOptions['picker']>): X509Snapshot {
  const svid = picker(svids)
  if (svid !== undefined) return { svid, bundles }
  throw new SpiffeError('ERR_SOURCE_NOT_READY', `none of the ${svids.length} SVIDs received is the wanted one`)
}

function assertNotExpired({ svid }: X509Snapshot): void {
  if (svid.notAfter.getTime() > Date.now()) return
  const message = `the SVID of "${svid.id}" expired at ${svid.notAfter.toISOString()} and no newer one came`
  throw new SpiffeError('ERR_X509_SVID_EXPIRED', message)
}
