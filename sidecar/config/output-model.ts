/** What the file says of files, processes and probes: plain data after every check, as in `model.ts`. */

export type OutputLayout = 'flat' | 'atomic'

/** A token file: the first audience is what spiffe-helper calls `jwt_audience`. */
export interface JwtSvidFileConfig {
  readonly audiences: readonly string[]
  readonly fileName: string
}

/** Run after the files of an output changed, before anybody is signalled. */
export interface HookConfig {
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly string[]
  readonly timeoutMs: number
  /** How often it is run again when it fails. */
  readonly retries: number
}

/** A set of files of one identity, and who is told of a new one. Names are plain; undefined: not written. */
export interface OutputConfig {
  /** The label, or `helper` for the keys of spiffe-helper outside of blocks. */
  readonly name: string
  /** The label of an identity block; always one that exists. */
  readonly identity: string
  readonly directory: string
  readonly layout: OutputLayout
  readonly svidFileName: string | undefined
  readonly keyFileName: string | undefined
  readonly bundleFileName: string | undefined
  /** Also `bundle.<trust domain>.pem` for each trust domain there is a bundle of. */
  readonly bundlePerTrustDomain: boolean
  readonly addIntermediatesToBundle: boolean
  readonly includeFederatedDomains: boolean
  readonly omitExpired: boolean
  readonly jwtSvids: readonly JwtSvidFileConfig[]
  /** spiffe-helper's own form: trust domain to base64 of its JWKS. */
  readonly jwtBundleFileName: string | undefined
  /** RFC 7517, of the identity's own trust domain. */
  readonly jwksFileName: string | undefined
  /** SPIFFE Trust Domain and Bundle section 4, of the identity's own trust domain. */
  readonly spiffeBundleFileName: string | undefined
  readonly certFileMode: number
  readonly keyFileMode: number
  readonly jwtBundleFileMode: number
  readonly jwtSvidFileMode: number
  readonly owner: number | undefined
  readonly group: number | undefined
  readonly onUpdate: readonly HookConfig[]
  readonly pidFileName: string | undefined
  /** Sent to the process of the pid file; always given beside one. */
  readonly renewSignal: NodeJS.Signals | undefined
}

export type RestartPolicy = 'never' | 'on-failure' | 'always'

/** The program that lives beside the sidecar: `cmd`. */
export interface ProcessConfig {
  readonly command: readonly string[]
  readonly restart: RestartPolicy
  /** Sent to it when files changed; undefined: nothing is sent. */
  readonly renewSignal: NodeJS.Signals | undefined
  /** From the stop signal to SIGKILL. */
  readonly stopTimeoutMs: number
}

/** Probes over HTTP, as spiffe-helper answers them. */
export interface HealthConfig {
  /** An IP literal or `localhost`; undefined: every address, since a kubelet asks at the one of the pod. */
  readonly host: string | undefined
  readonly port: number
  readonly livenessPath: string
  readonly readinessPath: string
}
