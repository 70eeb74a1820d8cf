import { escapeText } from '../log/escape-text.js'
import { formatBytes, formatDuration } from './format-quantity.js'
import { formatTable } from './format-table.js'
import { workloadBlocks } from './format-workload.js'
import type { IdentityStatus, KeyProviderStatus, Status, TunnelStatus } from './status.js'

const completed = 'completed'

function validity(identity: IdentityStatus, now: number): string {
  if (identity.svid === undefined) return '-'
  const left = Date.parse(identity.svid.notAfter) - now
  return left > 0 ? `${formatDuration(left)} left` : `expired ${formatDuration(-left)} ago`
}

function identityRow(identity: IdentityStatus, now: number): readonly string[] {
  return [
    identity.name,
    identity.state,
    identity.svid?.spiffeId ?? '-',
    validity(identity, now),
    String(identity.svidsUsed),
    identity.svid?.residency ?? '-',
    identity.source,
  ]
}

function notCompleted(tunnel: TunnelStatus): string {
  const others = Object.entries(tunnel.outcomes).filter(([outcome, count]) => outcome !== completed && count > 0)
  if (others.length === 0) return '-'
  return others
    .sort(([, left], [, right]) => right - left)
    .map(([outcome, count]) => `${outcome} ${count}`)
    .join(', ')
}

function tunnelRow(tunnel: TunnelStatus): readonly string[] {
  return [
    tunnel.name,
    tunnel.mode,
    tunnel.state,
    `${tunnel.listen} > ${tunnel.target}`,
    tunnel.identity,
    String(tunnel.active),
    String(tunnel.outcomes[completed] ?? 0),
    notCompleted(tunnel),
    `${formatBytes(tunnel.bytesFromPeer)} / ${formatBytes(tunnel.bytesToPeer)}`,
  ]
}

const identityHeadings = ['IDENTITY', 'STATE', 'SPIFFE ID', 'VALID', 'SVIDS', 'KEY', 'SOURCE']
const tunnelHeadings = [
  'TUNNEL',
  'MODE',
  'STATE',
  'LISTEN > TARGET',
  'IDENTITY',
  'ACTIVE',
  'COMPLETED',
  'OTHER ENDINGS',
  'FROM / TO PEER',
]
const authorityHeadings = ['AUTHORITY', 'TRUST DOMAIN', 'LISTEN', 'ISSUED', 'CA VALID']

function authorityRow(authority: Status['authorities'][number], now: number): readonly string[] {
  const lastEnd = Math.max(...authority.authorities.map((ca) => Date.parse(ca.notAfter)))
  return [
    authority.name,
    authority.trustDomain,
    authority.listen,
    String(authority.issued),
    `${formatDuration(lastEnd - now)} left`,
  ]
}

const keyProviderHeadings = ['KEY PROVIDER', 'TYPE', 'STATE', 'KEYS', 'MISSING']

function keyProviderRow({ name, type, state, keys, missingKeys }: KeyProviderStatus): readonly string[] {
  return [name, type, state, String(keys), missingKeys === 0 ? '-' : String(missingKeys)]
}

function reloadLines(status: Status): readonly string[] {
  const { lastReload } = status.config
  if (lastReload === undefined || lastReload.succeeded) return []
  return [
    `last reload, ${lastReload.at}, was refused and changed nothing:`,
    ...lastReload.faults.map((fault) => `  ${fault}`),
  ]
}

/** The status as a person reads it at a glance: is it well, if not why, then the tables. */
export function formatStatus(status: Status, now: number): string {
  const headline = `svidecar ${status.version}, pid ${status.pid}, up ${formatDuration(now - Date.parse(status.startedAt))}, ${status.config.path}`
  const state = status.ready ? 'ready' : 'NOT READY'
  const blocks = [
    [headline, state, ...status.problems.map((problem) => `  ${problem}`), ...reloadLines(status)].join('\n'),
    status.identities.length > 0 &&
      formatTable(
        identityHeadings,
        status.identities.map((identity) => identityRow(identity, now)),
      ),
    status.tunnels.length > 0 && formatTable(tunnelHeadings, status.tunnels.map(tunnelRow)),
    ...workloadBlocks(status, now),
    status.keyProviders.length > 0 && formatTable(keyProviderHeadings, status.keyProviders.map(keyProviderRow)),
    status.authorities.length > 0 &&
      formatTable(
        authorityHeadings,
        status.authorities.map((authority) => authorityRow(authority, now)),
      ),
  ]
  return blocks
    .filter((block) => block !== false)
    .join('\n\n')
    .split('\n')
    .map(escapeText)
    .join('\n')
}
