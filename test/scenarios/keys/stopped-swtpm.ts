import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Swtpm } from '../../devices/swtpm.js'
import { exchange, hold } from '../lab.js'
import { until } from '../running-sidecar.js'
import { HandshakeFlood } from './handshake-flood.js'
import { type KeyLab, keyProviderBlock, runKeyLab, serialOf, signerFailures } from './lab-with-keys.js'
import { percentile, RoundTrips } from './round-trips.js'

export interface StopOptions {
  readonly stoppedMs: number
  readonly operationTimeout: string
  readonly perSecond: number
}

/**
 * An identity waits for 32 signatures at a time, each in a thread. One that is done waiting is idle a moment later, and the
 * more the machine has to do, the more others begin in that moment; without a bound there were one for each handshake.
 */
const mostWaitingThreads = 4 * 32
/** Node's own, which come and go. */
const allowance = 8
/** Far above a round trip on a machine that is busy, and below any time limit of an operation. */
const flatMs = 500

export function threadsOf(pid: number): number {
  return Number(/^Threads:\s+(\d+)$/mu.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
}

/** The largest number of threads while `wait` has not passed. */
async function mostThreads(pid: number, waitMs: number): Promise<number> {
  let most = 0
  for (const end = performance.now() + waitMs; performance.now() < end; await pause(20)) {
    most = Math.max(most, threadsOf(pid))
  }
  return most
}

/** Stops the TPM under a flood of handshakes, and goes through what must hold meanwhile and afterwards. */
export async function stopTpmUnderLoad(t: TestContext, options: StopOptions): Promise<void> {
  const tpm = await Swtpm.start()
  t.after(() => tpm.remove())
  const keyProvider = keyProviderBlock('Tpm', { tcti: tpm.tcti, operation_timeout: options.operationTimeout })
  const running = await runKeyLab(t, { keyProvider })
  const { sidecar, port, peer } = running
  const [held, idleThreads] = [await hold(t, port, peer), threadsOf(sidecar.pid)]
  const trips = new RoundTrips(held)
  await using flood = await HandshakeFlood.start({ port, peer, perSecond: options.perSecond })
  await until('handshakes succeed', async () => ((await flood.counts()).served > 20 ? true : undefined))
  const [quiet, before] = [trips.take(), await flood.counts()]

  tpm.suspend()
  const threads = await mostThreads(sidecar.pid, options.stoppedMs)
  const [stopped, during] = [trips.take(), await flood.counts()]
  const lost = await sidecar.statusWhere('the device is lost', ({ ready }) => !ready)
  tpm.resume()

  // The rate is what is asked for; a machine that is busy with other things begins fewer.
  assert.ok(during.begun - before.begun > (options.stoppedMs / 1000) * options.perSecond * 0.2, 'the flood went on')
  assert.ok(threads <= idleThreads + mostWaitingThreads + allowance, `${idleThreads} threads, then ${threads}`)
  assertFlat(t, quiet, stopped)
  assert.equal(lost.keyProviders.find(({ name }) => name === 'device')?.state, 'lost')
  assert.match(lost.problems.join('\n'), /the device of key provider "device" is lost: .*not answer/u)
  assert.ok(signerFailures(lost) > 0)
  t.diagnostic(`handshakes before ${JSON.stringify(before)}, then ${JSON.stringify(during)}; threads ${threads}`)
  await assertRecovers(running, flood, serialOf(lost))
  await trips.stop()
}

/** An established connection never waits for the device. */
function assertFlat(t: TestContext, quiet: readonly number[], stopped: readonly number[]): void {
  const shown = [quiet, stopped].map((times) => [0.5, 0.99].map((share) => percentile(times, share).toFixed(2)))
  t.diagnostic(`round trips p50/p99 [ms]: ${shown.map((pair) => pair.join('/')).join(', then ')}`)
  assert.ok(stopped.length > quiet.length / 4, `${stopped.length} round trips went on`)
  assert.ok(percentile(stopped, 0.99) < flatMs, 'round trips do not wait for the device')
}

async function assertRecovers(running: KeyLab, flood: HandshakeFlood, serial: string | undefined): Promise<void> {
  const { sidecar, port, peer } = running
  const again = await sidecar.ready()
  assert.equal(serialOf(again), serial, 'the key is in the TPM as before, and so the SVID stays')
  await sidecar.line('the device is back', ({ message }) => message === 'the key device answers again')
  const { served } = await flood.counts()
  await until('handshakes succeed again', async () => ((await flood.counts()).served > served + 20 ? true : undefined))
  assert.deepEqual(await exchange(port, peer), { echoed: 'ping' })
}
