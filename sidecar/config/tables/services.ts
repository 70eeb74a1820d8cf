import { address } from '../schema/identifiers.js'
import { text } from '../schema/scalars.js'
import { required } from '../schema/spec.js'
import { socketFileKeys, unixListenerKeys } from './tunnel.js'

export const adminKeys = { listen: required(address), ...unixListenerKeys }

export const metricsKeys = { listen: required(address), ...socketFileKeys }

/** The Workload API for the workload beside this process. */
export const workloadApiKeys = { listen: required(address), ...unixListenerKeys }

/** The rest of the block belongs to the provider of that type. */
export const keyProviderKeys = { type: required(text()) }
