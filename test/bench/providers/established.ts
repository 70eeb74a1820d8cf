import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { FaultyModule } from '../../devices/faulty-module.js'
import type { Certificates } from '../certificates.js'
import type { Column, Devices } from './devices.js'
import type { Effort, Reading } from './reading.js'
import { type Subject, withSidecar } from './sidecar.js'

const sleepMs = 300
const waitingCallers = 8
export const quietColumn = 'the device signs at once'
export const sleepingColumn = 'it sleeps 300 ms for each signature'
export const roundTripP99 = 'round trip of 64 B on an established connection, p99'

/** Callers that always wait for a handshake, until the returned function is called. */
function keepHandshaking({ address, load }: Subject): () => Promise<void> {
  const flags = { connect: address, ...load.tlsFlags('client'), callers: waitingCallers, seconds: 600 }
  const words = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(load.binary, ['handshakes', ...words], { stdio: ['pipe', 'ignore', 'inherit'] })
  return async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
}

async function readRoundTrips({ address, load }: Subject, column: string, count: number): Promise<readonly Reading[]> {
  const result = await load.run('roundtrips', address, true, { callers: 1, count })
  return [
    { column, metric: 'round trip of 64 B on an established connection, p50', unit: 'ms', value: result.p50_us / 1000 },
    { column, metric: roundTripP99, unit: 'ms', value: result.p99_us / 1000 },
  ]
}

/** Round trips while nothing else happens, and while eight callers wait for a device that sleeps for each signature. */
export async function measureEstablished(
  devices: Devices,
  certificates: Certificates,
  effort: Effort,
): Promise<readonly Reading[]> {
  const softHsm = devices.columns.find(({ type }) => type === 'Pkcs11')
  if (devices.hsm === undefined || softHsm === undefined) return []
  const module = new FaultyModule(devices.hsm)
  const column: Column = { ...softHsm, settings: { ...softHsm.settings, module: module.path } }
  const readings: Reading[] = []
  for (let round = 1; round <= effort.rounds; round += 1) {
    console.error(`established connections, round ${round} of ${effort.rounds}`)
    await withSidecar(column, devices, certificates, async (subject) => {
      readings.push(...(await readRoundTrips(subject, quietColumn, effort.roundTrips)))
      module.fail({ C_Sign: `sleep:${sleepMs}` })
      const stop = keepHandshaking(subject)
      try {
        readings.push(...(await readRoundTrips(subject, sleepingColumn, effort.roundTrips)))
      } finally {
        await stop()
        module.mend()
      }
    })
  }
  return readings
}
