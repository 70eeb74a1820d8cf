/** Keys and who holds them: providers with Parsec's operations and names, and signers over their keys. */
export { algorithms, describeAlgorithm, isAlgorithm } from './algorithm.js'
export type { Algorithm, AlgorithmDescriptor, HashName, SignatureScheme } from './algorithm.js'
export type { Availability, AvailabilityListener } from './availability.js'
export { ecdsaSignatureFromDer } from './ecdsa-signature.js'
export { notSupported, ParsecError } from './errors.js'
export type {
  KeyAttributes,
  KeyIdentity,
  KeyInfo,
  KeyLifetime,
  KeyOrigin,
  KeyType,
  UsageFlag,
} from './key-attributes.js'
export type { DeviceObject, KeyCheck } from './key-check.js'
export { Opcode, opcodesOf } from './opcode.js'
export type { OpcodeName } from './opcode.js'
export type {
  ConfigTable,
  ConfiguredProvider,
  CryptoCheck,
  Provider,
  ProviderContext,
  ProviderFactory,
  ProviderSettings,
} from './provider.js'
export { providerFactories } from './providers/index.js'
export { openProvider } from './providers/open-provider.js'
export { openEncryptedProvider, openMemoryProvider } from './providers/software/index.js'
export { ResponseStatus, responseStatusName } from './response-status.js'
export type { ResponseStatusName } from './response-status.js'
export { openSigner } from './signer.js'
export type { Signer } from './signer.js'
export { generatePrivateKey, importPrivateKey } from './signing-key-pair.js'
export type { KeyPairOptions } from './signing-key-pair.js'
export { signingKeyAttributes, signingKeyTypeOf, signingKeyTypes } from './signing-keys.js'
export type { SigningKeyType } from './signing-keys.js'
export { stuckDeviceCalls } from './stuck-calls.js'
export { createCertificateRequest, verifyCertificateRequest } from './x509/certificate-request.js'
export { createCertificate } from './x509/certificate.js'
export type { CertificateTemplate, X509Name } from './x509/certificate.js'
export { keyIdentifierOf } from './x509/extensions.js'
export type { ExtendedKeyUsage, KeyUsage } from './x509/extensions.js'
