/** So many workloads, each with a watch of its own; says when all of them have had their n-th context. */
import { WorkloadApiClient } from '../../workload-api/index.js'

const [address = '', count = '0'] = process.argv.slice(2)
const workloads = Number(count)
const had: number[] = []

async function follow(): Promise<void> {
  const client = new WorkloadApiClient({ address })
  let contexts = 0
  for await (const _ of client.watchX509Context()) {
    const total = (had[contexts] ?? 0) + 1
    had[contexts] = total
    contexts += 1
    if (total === workloads) process.send?.(contexts)
  }
}

await Promise.all(Array.from({ length: workloads }, follow))
