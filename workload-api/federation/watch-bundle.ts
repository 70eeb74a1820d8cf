import { setTimeout as sleep } from 'node:timers/promises'
import type { SpiffeBundle } from '../bundle/spiffe-bundle.js'
import { backoffDelayMs } from '../client/backoff.js'
import { SpiffeError } from '../errors.js'
import { trustDomainOf } from '../spiffe-id/spiffe-id.js'
import { parseEndpointUrl, type BundleEndpoint, type WatchBundleOptions } from './endpoint.js'
import { fetchBundle } from './fetch-bundle.js'

/** SPIFFE Federation section 4.1: for a bundle that does not say how often to look. */
const defaultIntervalMs = 300_000
const day = 86_400_000
const never = new AbortController().signal

/**
 * Polls a bundle endpoint as often as the bundle hints (SPIFFE Federation section 4.1) and gives each bundle that is
 * newer: by sequence number, or by time when it has none. What cannot be fetched, read or trusted is told to `onFault`
 * and asked for again at the next poll. Ends when the signal fires.
 *
 * @throws {SpiffeError} `ERR_BUNDLE_ENDPOINT_INVALID`, at once
 */
export async function* watchBundle(
  endpoint: BundleEndpoint,
  options: WatchBundleOptions = {},
): AsyncGenerator<SpiffeBundle, void, undefined> {
  const { signal = never, minIntervalMs = 5_000, maxIntervalMs = day, onFault = () => {} } = options
  parseEndpointUrl(endpoint.url)
  let latest: SpiffeBundle | undefined
  let failures = 0
  while (!signal.aborted) {
    const fetched = await attempt(selfServing(endpoint, latest), options, onFault)
    failures = fetched === undefined ? failures + 1 : 0
    if (fetched !== undefined && isNewer(fetched, latest, onFault)) {
      latest = fetched
      yield fetched
    }
    const hintMs = (latest?.refreshHintSeconds ?? defaultIntervalMs / 1000) * 1000
    // Before the first bundle nothing is trusted, so five minutes are long.
    const pauseMs = latest ? hintMs : backoffDelayMs(failures, { initialMs: minIntervalMs, maxMs: defaultIntervalMs })
    await pause(Math.min(maxIntervalMs, Math.max(minIntervalMs, pauseMs)), signal)
  }
}

async function attempt(
  endpoint: BundleEndpoint,
  options: WatchBundleOptions,
  onFault: (error: SpiffeError) => void,
): Promise<SpiffeBundle | undefined> {
  try {
    return await fetchBundle(endpoint, options)
  } catch (error) {
    if (options.signal?.aborted === true) return undefined
    if (!(error instanceof SpiffeError)) throw error
    onFault(error)
    return undefined
  }
}

/** Section 5.2.2.4: an endpoint that serves its own trust domain's bundle is verified by the latest of it. */
function selfServing(endpoint: BundleEndpoint, latest: SpiffeBundle | undefined): BundleEndpoint {
  const { profile, trustDomain } = endpoint
  if (latest === undefined || profile.kind === 'https_web') return endpoint
  if (trustDomainOf(profile.endpointSpiffeId) !== trustDomain) return endpoint
  const bundle = latest.x509Bundle()
  const bundles = new Map(bundle ? [[trustDomain, bundle]] : [])
  return { ...endpoint, profile: { ...profile, bundles } }
}

function isNewer(
  fetched: SpiffeBundle,
  latest: SpiffeBundle | undefined,
  onFault: (error: SpiffeError) => void,
): boolean {
  if (latest === undefined) return true
  const [next, last] = [fetched.sequenceNumber, latest.sequenceNumber]
  if (next !== undefined && last !== undefined && next < last) {
    const message = `the bundle of "${fetched.trustDomain}" has sequence number ${next}, older than ${last}, and is not used`
    onFault(new SpiffeError('ERR_BUNDLE_ENDPOINT_RESPONSE_INVALID', message))
    return false
  }
  return !fetched.equals(latest)
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    // The signal fired, which the loop sees by itself.
  }
}
