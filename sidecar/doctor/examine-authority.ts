import { status } from '@grpc/grpc-js'
import { openMemoryProvider } from '../../parsec-core/index.js'
import { parseEndpointAddress, parseSpiffeId } from '../../workload-api/index.js'
import type { AuthorityIdentityConfig } from '../config/index.js'
import { AuthoritySource } from '../identity/authority-source.js'
import { grpcStatusOf } from '../identity/authority-client.js'
import type { IdentityEvent } from '../identity/identity-source.js'
import { Findings, type Examination, type Step } from './examination.js'
import { examineSocket } from './examine-socket.js'

/** Where a request came to its end, by its status; anything else is an SVID that is not good. */
const stepOf: ReadonlyMap<status | undefined, Step> = new Map([
  [status.UNAVAILABLE, 'request'],
  [status.DEADLINE_EXCEEDED, 'request'],
  [status.RESOURCE_EXHAUSTED, 'request'],
  [status.INVALID_ARGUMENT, 'request'],
  [status.UNIMPLEMENTED, 'request'],
  [status.PERMISSION_DENIED, 'entries'],
])

/**
 * How far an identity of source `authority` gets: one SVID is signed, for a key in memory that is gone at once. Throws
 * `SpiffeError` for an address or an ID that is none.
 */
export async function examineAuthority(
  config: AuthorityIdentityConfig,
  options: { readonly isOfThisFile: boolean },
): Promise<Examination> {
  const findings = new Findings()
  const address = parseEndpointAddress(config.authorityAddress)
  const start = options.isOfThisFile
    ? 'the authority of this file serves while `svidecar run` does'
    : 'is the authority running, and is authority_address right?'
  if (await examineSocket(address, findings, start)) await examineSigning(config, findings)
  return { title: `identity "${config.name}": embedded authority at ${address.display}`, findings: findings.all }
}

async function examineSigning(config: AuthorityIdentityConfig, findings: Findings): Promise<void> {
  findings.ok('request', 'it is an embedded authority')
  const event = await firstEvent(config)
  if (event === undefined) {
    findings.ok('entries', `uid ${process.geteuid?.()} is registered for ${parseSpiffeId(config.spiffeId ?? '')}`)
    findings.ok('bundle', 'the SVID it signed leads to its bundle')
    findings.ok('choice', `this identity is ${config.spiffeId}`)
    return
  }
  const step = stepOf.get(grpcStatusOf(event.error)) ?? 'bundle'
  if (step === 'bundle') findings.ok('entries', 'an SVID was signed')
  findings.failed(step, event.advice)
}

/** What the source tells first of a fault; undefined when an SVID comes first. */
async function firstEvent(config: AuthorityIdentityConfig): Promise<IdentityEvent | undefined> {
  const provider = await openMemoryProvider('doctor')
  const stop = new AbortController()
  let told: IdentityEvent | undefined
  const onEvent = (event: IdentityEvent) => {
    told ??= event
    stop.abort()
  }
  try {
    for await (const _ of new AuthoritySource(config, { provider, onEvent }).updates(stop.signal)) break
    return told
  } finally {
    await provider.close()
  }
}
