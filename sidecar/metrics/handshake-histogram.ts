import type { Metric, MetricObjectWithValues, MetricType, MetricValueWithName } from 'prom-client'
import type { TunnelStats } from '../../native/index.js'
import type { MetricsSource } from './metrics-server.js'

const name = 'svidecar_tunnel_handshake_seconds'
const help = 'How long successful TLS handshakes took'

/** The enumeration is in prom-client's types only, not in its code. */
const histogramType = 'histogram' as unknown as MetricType

type Histogram = TunnelStats['handshakeSeconds']
type Sample = MetricValueWithName<string>

function samplesOf(tunnel: string, histogram: Histogram): readonly Sample[] {
  let total = 0
  const buckets = histogram.counts.map((count, index) => {
    total += count
    return {
      metricName: `${name}_bucket`,
      value: total,
      labels: { tunnel, le: String(histogram.buckets[index] ?? '+Inf') },
    }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, value: histogram.sum, labels: { tunnel } },
    { metricName: `${name}_count`, value: total, labels: { tunnel } },
  ]
}

/**
 * The data plane's own histogram as a metric of prom-client. Its `Histogram` class can only observe values one by one;
 * a registry asks a metric for nothing but `get()`, so an object with that method is one.
 */
export function handshakeHistogram(source: MetricsSource): Metric {
  const metric = {
    name,
    async get(): Promise<MetricObjectWithValues<Sample>> {
      const values = source.tunnels().flatMap((tunnel) => {
        const stats = tunnel.stats()
        return stats === undefined ? [] : samplesOf(tunnel.config.name, stats.handshakeSeconds)
      })
      return {
        name,
        help,
        type: histogramType,
        aggregator: 'sum',
        collect: () => undefined,
        values: [...values],
      }
    },
    reset: () => undefined,
  }
  return metric as unknown as Metric
}
