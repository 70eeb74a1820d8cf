import type { Counter, Gauge } from 'prom-client'
import type { Status } from '../admin/status.js'

export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

/** One metric: its samples are read from the status at each scrape, so that nothing is counted twice. */
export interface MetricDescriptor {
  readonly kind: typeof Gauge | typeof Counter
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly samples: (status: Status) => readonly Sample[]
}
