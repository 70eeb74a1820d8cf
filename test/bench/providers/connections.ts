import type { Certificates } from '../certificates.js'
import { cpuSeconds } from '../process-tree.js'
import type { Column, Devices } from './devices.js'
import type { Effort, Reading } from './reading.js'
import { withSidecar } from './sidecar.js'

const callers = 8
export const connectionCpu = 'mTLS connection, CPU'

async function readConnections(
  column: Column,
  devices: Devices,
  certificates: Certificates,
  count: number,
): Promise<readonly Reading[]> {
  return withSidecar(column, devices, certificates, async ({ pid, address, load }) => {
    // Until the JavaScript that a signature passes is compiled, and so that compiling is not what is measured.
    await load.run('handshakes', address, true, { callers, count: Math.ceil(count / 2) })
    const before = cpuSeconds(pid)
    const result = await load.run('handshakes', address, true, { callers, count })
    const cpu = cpuSeconds(pid) - before
    const reading = (metric: string, unit: string, value: number) => ({ column: column.name, metric, unit, value })
    return [
      reading(connectionCpu, 'ms', (cpu * 1000) / result.done),
      reading('mTLS connections, 8 callers', '1/s', result.done / result.seconds),
      reading('mTLS connection, p50', 'ms', result.p50_us / 1000),
      reading('mTLS connection, p99', 'ms', result.p99_us / 1000),
    ]
  })
}

/** Full handshakes with a client certificate, as the benchmark of tunnels has them; every other round backwards. */
export async function measureConnections(
  devices: Devices,
  certificates: Certificates,
  effort: Effort,
): Promise<readonly Reading[]> {
  const readings: Reading[] = []
  for (let round = 1; round <= effort.rounds; round += 1) {
    console.error(`connections, round ${round} of ${effort.rounds}`)
    for (const column of round % 2 === 1 ? devices.columns : devices.columns.toReversed()) {
      const count = column.type === 'Tpm' ? effort.tpmConnections : effort.connections
      readings.push(...(await readConnections(column, devices, certificates, count)))
    }
  }
  return readings
}
