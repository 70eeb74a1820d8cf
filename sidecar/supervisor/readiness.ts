import type { IdentityStatus, TunnelStatus } from '../admin/status.js'

function identityProblem(identity: IdentityStatus): string | undefined {
  if (identity.state === 'valid') return undefined
  const what = identity.state === 'waiting' ? 'has no SVID yet' : 'has an SVID that expired'
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

/** Why the process is not ready, a sentence each; a renewal that fails is no problem while the SVID is valid. */
export function problemsOf(identities: readonly IdentityStatus[], tunnels: readonly TunnelStatus[]): readonly string[] {
  return [...identities.map(identityProblem), ...tunnels.map((tunnel) => tunnelProblem(tunnel, identities))].filter(
    (problem) => problem !== undefined,
  )
}
