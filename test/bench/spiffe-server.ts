import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { X509Context } from '../../workload-api/index.js'
import { FakeCa } from '../fakes/fake-ca.js'
import { LocalWorkloadApi, Told } from '../workload-api/local-workload-api.js'
import { bundlesOf, svidOf } from '../workload-api/material.js'

export interface UpdateOptions {
  readonly workloads: number
  /** Of each update: the workload's own and federated ones. */
  readonly bundles: number
  readonly rounds: number
}

/**
 * Serves so many workloads of another process, tells each a new SVID with its bundles, and gives the CPU seconds of this
 * process from then until all have it; the median of the rounds. Making the SVIDs is the authority's and not counted.
 */
export async function measureUpdates({ workloads, bundles, rounds }: UpdateOptions): Promise<number> {
  const ca = FakeCa.create('example.org')
  const federated = Array.from({ length: bundles - 1 }, (_, index) => FakeCa.create(`partner-${index}.org`))
  const context = (index: number, round: number): X509Context => {
    const authorities = [
      ca,
      ...federated.slice(1),
      FakeCa.create(`partner-0.org`, { commonName: `${round}`, key: ca.key }),
    ]
    return { svids: [svidOf(ca, `/workload/${index}`)], bundles: bundlesOf(...authorities), crl: [] }
  }
  const contexts = (round: number): X509Context[] =>
    Array.from({ length: workloads }, (_, index) => context(index, round))
  const told = contexts(0).map((first) => new Told(first))
  let next = 0
  await using api = await LocalWorkloadApi.start({
    watchX509Context: (_peer, signal) => {
      const one = told[next]
      next = (next + 1) % told.length
      if (one === undefined) throw new RangeError('there are no workloads')
      return one.watch(signal)
    },
  })
  const child = fork(fileURLToPath(new URL('spiffe-workloads.js', import.meta.url)), [api.address, `${workloads}`])
  try {
    await untilAllHave(child, 1)
    const costs: number[] = []
    for (let round = 1; round <= rounds; round += 1) costs.push(await costOfUpdate(child, told, contexts(round), round))
    return costs.toSorted((a, b) => a - b)[Math.floor(costs.length / 2)] ?? 0
  } finally {
    child.kill()
    await once(child, 'close')
  }
}

async function costOfUpdate(
  child: ChildProcess,
  told: readonly Told<X509Context>[],
  contexts: readonly X509Context[],
  round: number,
): Promise<number> {
  const arrived = untilAllHave(child, round + 1)
  const before = process.cpuUsage()
  for (const [index, context] of contexts.entries()) told[index]?.tell(context)
  await arrived
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

/** Resolves when each workload has had so many contexts. */
async function untilAllHave(child: ChildProcess, count: number): Promise<void> {
  for (;;) {
    const [have]: unknown[] = await once(child, 'message')
    if (have === count) return
  }
}
