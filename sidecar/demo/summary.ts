import { formatTable } from '../admin/format-table.js'
import type { HeldConnection, LoadResult } from './load.js'
import type { Refusal } from './refusal.js'
import type { Side } from './side.js'

export interface DemoResult {
  readonly load: LoadResult
  readonly held: HeldConnection
  readonly sides: readonly Side[]
  readonly residencies: readonly string[]
  readonly wantedResidency: string
  readonly refusals: readonly Refusal[]
  readonly wantedSerials: number
}

/** What did not come out as it must; empty when the demo succeeded. */
export function shortcomings(result: DemoResult): readonly string[] {
  const { load, held, sides, wantedSerials } = result
  const few = sides.filter((side) => side.peerSerials.size < wantedSerials)
  return [
    ...(load.failures === 0
      ? []
      : [`${load.failures} of ${load.requests} requests failed: ${[...load.reasons.keys()].join(', ')}`]),
    ...(held.failure === undefined ? [] : [`the held connection: ${held.failure}`]),
    ...few.map((side) => `the ${side.name} saw only ${side.peerSerials.size} peer certificates`),
    ...result.residencies
      .filter((residency) => residency !== result.wantedResidency)
      .map((residency) => `a key is "${residency}", not "${result.wantedResidency}"`),
    ...(result.refusals.length === 2 ? [] : ['not every intruder was refused']),
  ]
}

function sideRow(side: Side, residency: string): readonly string[] {
  return [side.name, String(side.svids - 1), String(side.peerSerials.size), [...side.peers].join(', '), residency]
}

/** The demo's last page. */
export function formatSummary(result: DemoResult): string {
  const { load, held, sides, refusals, residencies } = result
  const headings = ['SIDE', 'ROTATIONS', 'PEER CERTIFICATES SEEN', 'PEER', 'KEY']
  return [
    `requests      ${load.requests}, each on a new connection, ${load.failures} failed; slowest second ${load.slowestSecond}`,
    `held stream   one connection through all rotations: ${held.sent} lines sent, ${held.received} back, ${held.failure ?? 'no failure'}`,
    ...refusals.map((refusal) => `refused       ${refusal.id}: TLS alert "${refusal.alert}"`),
    '',
    formatTable(
      headings,
      sides.map((side, index) => sideRow(side, residencies[index] ?? 'unknown')),
    ),
  ].join('\n')
}
