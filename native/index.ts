/**
 * The data plane: sockets, TLS and the verification of X.509-SVIDs, in Rust. TypeScript decides, this carries.
 *
 * An `Identity` (chain and key, proved to fit), a `BundleSet` and an authorizer make a `TunnelState`; a `Listener` is a
 * bound address; a `Tunnel` joins them and serves until it is closed. Established connections never touch the event
 * loop. Importing this module never throws; the first use does when the addon is missing.
 */
export { version, peerCredentials, nofileLimit, disableCoreFiles } from './process.js'
export { lockFile, signHash, verifyHash, type FileLock, type HashSignatureName } from './keys.js'
export { NativeError, type NativeErrorCode } from './errors.js'
export {
  readX509Svid,
  verifyX509Svid,
  type BundleSetInput,
  type X509SvidClaim,
  type VerifyX509SvidOptions,
} from './x509-svid.js'
export { BundleSet, Identity, type IdentityKey, type SignatureScheme } from './identity.js'
export {
  Tunnel,
  type AuthorizeCallback,
  type ConnectionInfo,
  type KeyExchange,
  type TunnelSettings,
  type TunnelState,
  type TunnelStats,
} from './tunnel.js'
export { Listener, type Endpoint, type ListenEndpoint, type ListenOptions } from './listener.js'
export { outcomeCodes, type ConnectionOutcome, type OutcomeCode } from './outcome.js'
export { Tpm, TpmKey, tpmImportArea, type TpmInfo, type TpmOptions } from './tpm.js'
export { TpmError, type TpmErrorCode } from './tpm-error.js'
