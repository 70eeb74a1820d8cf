import type { JwtBundle, JwtBundleSet } from '../bundle/jwt-bundle.js'
import { SpiffeBundle } from '../bundle/spiffe-bundle.js'
import { SpiffeError } from '../errors.js'
import { watchBundle } from '../federation/watch-bundle.js'
import type { BundleEndpoint, WatchBundleOptions } from '../federation/endpoint.js'
import { parseTrustDomain, type TrustDomain } from '../spiffe-id/trust-domain.js'
import { X509Bundle, type X509BundleSet } from '../x509/x509-bundle.js'
import { filesOf, folderFeed, type Files, type FolderOptions } from './folder.js'
import { fixed, LiveSource, type Feed, type LiveSourceOptions } from './live-source.js'
import type { ReadyOptions } from './source.js'
import { SourceClient, watchFeed, type WorkloadApiSourceOptions } from './workload-api-feed.js'
import { whenReady } from './when-ready.js'

/** Whom to trust at one moment, for either kind of SVID; what `verifyX509Svid` and `validateJwtSvid` take. */
export interface BundleSnapshot {
  readonly x509: X509BundleSet
  readonly jwt: JwtBundleSet
}

export interface FederationOptions extends Omit<WatchBundleOptions, 'signal' | 'onFault'> {
  /** Told what went wrong at which endpoint; must not throw. What was fetched before stays. */
  readonly onFault?: (error: unknown) => void
}

/** A source of bundles alone: for who verifies and need not have an identity. */
export class BundleSource extends LiveSource<BundleSnapshot> {
  private constructor(feed: Feed<BundleSnapshot>, options: LiveSourceOptions<BundleSnapshot> = {}) {
    super(feed, options)
  }

  /** Material that never changes. */
  static of(bundles: Iterable<SpiffeBundle>): BundleSource {
    return new BundleSource(fixed(snapshotOf(new Map([...bundles].map((bundle) => [bundle.trustDomain, bundle])))))
  }

  /**
   * Follows the X.509 bundles of a Workload API and, when it has them, the JWT bundles; does not wait for it.
   *
   * @throws {SpiffeError} `ERR_ENDPOINT_ADDRESS_INVALID` or `ERR_ENDPOINT_ADDRESS_MISSING`
   */
  static open(options: WorkloadApiSourceOptions = {}): BundleSource {
    const source = new SourceClient(options)
    return new BundleSource(source.whileFeeding(bothProfiles(source, options)), options)
  }

  /**
   * Follows a Workload API and waits for its first answer.
   *
   * @throws {SpiffeError} as `open` and `ready`
   */
  static async create(options: WorkloadApiSourceOptions & ReadyOptions = {}): Promise<BundleSource> {
    return whenReady(BundleSource.open(options), options)
  }

  /**
   * Follows a folder with a file for each trust domain: `example.org.json` in the trust bundle format, or
   * `example.org.pem` with X.509 authorities. All files are good or none is used.
   */
  static folder(options: FolderOptions): BundleSource {
    return new BundleSource(
      folderFeed(options, (path) => filesOf(path, ['.json', '.pem']), bundlesOfFiles),
      options,
    )
  }

  /**
   * Polls the bundle endpoints of other trust domains (SPIFFE Federation section 5). The bundles of those that answered
   * are given while others are still waited for.
   */
  static federation(endpoints: readonly BundleEndpoint[], options: FederationOptions = {}): BundleSource {
    const names = new Set(endpoints.map(({ trustDomain }) => trustDomain))
    if (names.size !== endpoints.length) throw new TypeError('two endpoints are of the same trust domain')
    return new BundleSource(async (sink, signal) => {
      const bundles = new Map<TrustDomain, SpiffeBundle>()
      const follow = async (endpoint: BundleEndpoint): Promise<void> => {
        for await (const bundle of watchBundle(endpoint, {
          ...options,
          signal,
          onFault: (error) => sink.fault(error),
        })) {
          bundles.set(bundle.trustDomain, bundle)
          sink.put(snapshotOf(bundles))
        }
      }
      await Promise.all(endpoints.map(follow))
    }, options)
  }
}

/** The two watches of the two profiles; an agent without JWTs still has X.509. */
function bothProfiles(source: SourceClient, options: WorkloadApiSourceOptions): Feed<BundleSnapshot> {
  return async (sink, signal) => {
    let x509: X509BundleSet | undefined
    let jwt: JwtBundleSet = new Map()
    const tell = (): void => {
      if (x509 !== undefined) sink.put({ x509, jwt })
    }
    const x509Feed = watchFeed(
      (call) => source.client.watchX509Bundles(call),
      (bundles) => bundles,
      options,
    )
    const jwtFeed = watchFeed(
      (call) => source.client.watchJwtBundles(call),
      (bundles) => bundles,
      options,
    )
    const fault = (error: unknown): void => sink.fault(error)
    const x509Sink = {
      put: (bundles: X509BundleSet) => {
        x509 = bundles
        tell()
      },
      withdraw: (reason: SpiffeError) => {
        x509 = undefined
        sink.withdraw(reason)
      },
      fault,
    }
    const put = (bundles: JwtBundleSet): void => {
      jwt = bundles
      tell()
    }
    const withdraw = (reason: SpiffeError): void => {
      put(new Map())
      fault(reason)
    }
    const withoutJwt = jwtFeed({ put, withdraw, fault }, signal).catch((error: unknown) => {
      if (!(error instanceof SpiffeError && error.code === 'ERR_WORKLOAD_API_UNIMPLEMENTED')) throw error
    })
    await Promise.all([x509Feed(x509Sink, signal), withoutJwt])
  }
}

function snapshotOf(bundles: ReadonlyMap<TrustDomain, SpiffeBundle>): BundleSnapshot {
  const x509 = new Map<TrustDomain, X509Bundle>()
  const jwt = new Map<TrustDomain, JwtBundle>()
  for (const [trustDomain, bundle] of bundles) {
    const [x509Bundle, jwtBundle] = [bundle.x509Bundle(), bundle.jwtBundle()]
    if (x509Bundle) x509.set(trustDomain, x509Bundle)
    if (jwtBundle) jwt.set(trustDomain, jwtBundle)
  }
  return { x509, jwt }
}

function bundlesOfFiles(files: Files): BundleSnapshot {
  const bundles = new Map<TrustDomain, SpiffeBundle>()
  for (const [name, bytes] of files) {
    const trustDomain = parseTrustDomain(name.replace(/\.(?:json|pem)$/, ''))
    if (bundles.has(trustDomain)) {
      throw new SpiffeError('ERR_SPIFFE_BUNDLE_INVALID', `two files are of trust domain "${trustDomain}"`)
    }
    bundles.set(
      trustDomain,
      name.endsWith('.json') ? SpiffeBundle.parse(trustDomain, bytes) : ofPem(trustDomain, bytes),
    )
  }
  return snapshotOf(bundles)
}

function ofPem(trustDomain: TrustDomain, bytes: Buffer): SpiffeBundle {
  const { x509Authorities } = X509Bundle.parsePem(trustDomain, bytes.toString('utf8'))
  return new SpiffeBundle(trustDomain, { x509Authorities })
}
