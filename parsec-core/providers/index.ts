import type { ProviderFactory } from '../provider.js'
import { softwareProviderFactory } from './software/index.js'

/** Every kind of provider there is; what is not here cannot be configured. */
export const providerFactories: readonly ProviderFactory[] = [softwareProviderFactory]
