import type { IdentityState, IdentityStatus, KeyProviderStatus, TunnelStatus } from '../admin/status.js'

const whatIsWrong: Readonly<Record<Exclude<IdentityState, 'valid'>, string>> = {
  waiting: 'has no SVID yet',
  expired: 'has an SVID that expired',
  key_missing: 'has an SVID whose key is gone from its device',
}

function identityProblem(identity: IdentityStatus): string | undefined {
  if (identity.state === 'valid') return undefined
  const what = whatIsWrong[identity.state]
  const why = identity.problem === undefined ? '' : `: ${identity.problem.advice} (${identity.problem.error})`
  return `identity "${identity.name}" ${what}${why}`
}

function tunnelProblem(tunnel: TunnelStatus, identities: readonly IdentityStatus[]): string | undefined {
  if (tunnel.problem !== undefined) return `tunnel "${tunnel.name}": ${tunnel.problem}`
  if (tunnel.state === 'listening') return undefined
  if (tunnel.state === 'draining') return `tunnel "${tunnel.name}" is draining`
  // An identity that is missing has a sentence of its own.
  const identity = identities.find(({ name }) => name === tunnel.identity)
  return identity?.state === 'valid' ? `tunnel "${tunnel.name}" does not listen yet` : undefined
}

function keyProviderProblem({ name, state, reason }: KeyProviderStatus): string | undefined {
  return state === 'lost' ? `the device of key provider "${name}" is lost: ${reason}` : undefined
}

/** Why the process is not ready, a sentence each; a renewal that fails is no problem while the SVID is valid. */
export function problemsOf(
  identities: readonly IdentityStatus[],
  tunnels: readonly TunnelStatus[],
  keyProviders: readonly KeyProviderStatus[],
): readonly string[] {
  return [
    ...keyProviders.map(keyProviderProblem),
    ...identities.map(identityProblem),
    ...tunnels.map((tunnel) => tunnelProblem(tunnel, identities)),
  ].filter((problem) => problem !== undefined)
}
