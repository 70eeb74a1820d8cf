import type { ProviderFactory } from '../provider.js'
import { pkcs11ProviderFactory } from './pkcs11/index.js'
import { softwareProviderFactory } from './software/index.js'
import { tpmProviderFactory } from './tpm/index.js'

/** Every kind of provider there is; what is not here cannot be configured. */
export const providerFactories: readonly ProviderFactory[] = [
  softwareProviderFactory,
  pkcs11ProviderFactory,
  tpmProviderFactory,
]
