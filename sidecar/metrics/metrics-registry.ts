import { Counter, Gauge, Registry } from 'prom-client'
import type { KeyProviderStatus, Status, TunnelStatus } from '../admin/status.js'
import { handshakeHistogram } from './handshake-histogram.js'
import type { MetricDescriptor, Sample } from './metric-descriptor.js'
import type { MetricsSource } from './metrics-server.js'
import { workloadMetrics } from './workload-metrics.js'

const perTunnel =
  (value: (tunnel: TunnelStatus) => number): MetricDescriptor['samples'] =>
  (status) =>
    status.tunnels.map((tunnel) => [{ tunnel: tunnel.name }, value(tunnel)] as const)

function outcomeSamples(status: Status): readonly Sample[] {
  return status.tunnels.flatMap((tunnel) =>
    Object.entries(tunnel.outcomes).map(([outcome, count]) => [{ tunnel: tunnel.name, outcome }, count] as const),
  )
}

function byteSamples(status: Status): readonly Sample[] {
  return status.tunnels.flatMap(({ name: tunnel, bytesFromPeer, bytesToPeer }) => [
    [{ tunnel, direction: 'from_peer' }, bytesFromPeer] as const,
    [{ tunnel, direction: 'to_peer' }, bytesToPeer] as const,
  ])
}

function notAfterSamples(status: Status): readonly Sample[] {
  return status.identities.map(({ name, svid }) => [
    { identity: name, residency: svid?.residency ?? '' },
    svid === undefined ? 0 : Date.parse(svid.notAfter) / 1000,
  ])
}

const perKeyProvider =
  (value: (provider: KeyProviderStatus) => number): MetricDescriptor['samples'] =>
  (status) =>
    status.keyProviders.map((provider) => [{ provider: provider.name, type: provider.type }, value(provider)] as const)

const descriptors: readonly MetricDescriptor[] = [
  {
    kind: Gauge,
    name: 'svidecar_ready',
    help: '1 when every identity is valid, every tunnel listens and every output lies on disk',
    labels: [],
    samples: (status) => [[{}, status.ready ? 1 : 0]],
  },
  {
    kind: Counter,
    name: 'svidecar_log_lines_lost_total',
    help: 'Log lines given up because the reader did not keep up',
    labels: [],
    samples: (status) => [[{}, status.log.lostLines]],
  },
  {
    kind: Gauge,
    name: 'process_resident_memory_bytes',
    help: 'Resident memory',
    labels: [],
    samples: () => [[{}, process.memoryUsage.rss()]],
  },
  {
    kind: Gauge,
    name: 'svidecar_identity_svid_not_after_seconds',
    help: 'End of the SVID in use, seconds since 1970; 0 without one',
    labels: ['identity', 'residency'],
    samples: notAfterSamples,
  },
  {
    kind: Counter,
    name: 'svidecar_identity_svids_used_total',
    help: 'SVIDs put to use, the first one included',
    labels: ['identity'],
    samples: (status) => status.identities.map(({ name, svidsUsed }) => [{ identity: name }, svidsUsed] as const),
  },
  {
    kind: Gauge,
    name: 'svidecar_key_provider_ready',
    help: '1 while the device of the key provider answers',
    labels: ['provider', 'type'],
    samples: perKeyProvider((provider) => (provider.state === 'ready' ? 1 : 0)),
  },
  {
    kind: Gauge,
    name: 'svidecar_key_provider_keys',
    help: 'Keys the provider holds, missing ones included',
    labels: ['provider', 'type'],
    samples: perKeyProvider((provider) => provider.keys),
  },
  {
    kind: Gauge,
    name: 'svidecar_key_provider_missing_keys',
    help: 'Keys that are known and that the device no longer has',
    labels: ['provider', 'type'],
    samples: perKeyProvider((provider) => provider.missingKeys),
  },
  {
    kind: Gauge,
    name: 'svidecar_tunnel_listening',
    help: '1 while the tunnel accepts with a valid SVID',
    labels: ['tunnel'],
    samples: perTunnel((tunnel) => (tunnel.state === 'listening' ? 1 : 0)),
  },
  {
    kind: Gauge,
    name: 'svidecar_tunnel_active_connections',
    help: 'Connections carrying traffic now',
    labels: ['tunnel'],
    samples: perTunnel((tunnel) => tunnel.active),
  },
  {
    kind: Gauge,
    name: 'svidecar_tunnel_handshakes',
    help: 'TLS handshakes under way now',
    labels: ['tunnel'],
    samples: perTunnel((tunnel) => tunnel.handshaking),
  },
  {
    kind: Counter,
    name: 'svidecar_tunnel_accepted_total',
    help: 'Connections accepted',
    labels: ['tunnel'],
    samples: perTunnel((tunnel) => tunnel.accepted),
  },
  {
    kind: Counter,
    name: 'svidecar_tunnel_connections_total',
    help: 'Connections that ended, by how',
    labels: ['tunnel', 'outcome'],
    samples: outcomeSamples,
  },
  {
    kind: Counter,
    name: 'svidecar_tunnel_bytes_total',
    help: 'Application bytes carried, by direction as seen from the peer',
    labels: ['tunnel', 'direction'],
    samples: byteSamples,
  },
  {
    kind: Counter,
    name: 'svidecar_tunnel_audit_lost_total',
    help: 'Audit lines given up',
    labels: ['tunnel'],
    samples: perTunnel((tunnel) => tunnel.auditLost),
  },
]

/** The registry behind `/metrics`. */
export function createMetricsRegistry(source: MetricsSource): Registry {
  const registry = new Registry()
  for (const { kind: Metric, name, help, labels, samples } of [...descriptors, ...workloadMetrics]) {
    const metric = new Metric({
      name,
      help,
      labelNames: [...labels],
      registers: [],
      collect() {
        this.reset()
        for (const [sampleLabels, value] of samples(source.status())) this.inc(sampleLabels, value)
      },
    })
    registry.registerMetric(metric)
  }
  registry.registerMetric(handshakeHistogram(source))
  return registry
}
