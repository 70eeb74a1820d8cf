import { randomInt } from 'node:crypto'
import type { NetConnectOpts } from 'node:net'
import { CutError, exchange } from './exchange.js'
import type { Lane, Ledger } from './ledger.js'

export interface ChurnOptions {
  readonly lane: Lane
  readonly addresses: readonly NetConnectOpts[]
  readonly perSecond: number
  readonly ledger: Ledger
  readonly signal: AbortSignal
  /** Called before a connection; what it returns says afterwards whether the connection had to work. */
  readonly expectation?: () => () => 'must work' | 'may be cut'
}

/** A machine that stalls shall not answer with a flood of connections afterwards. */
const atOnce = 48
const mustWork = () => 'must work' as const

/** Short connections at a steady rate until the signal fires; every one is counted. */
export async function churn(options: ChurnOptions): Promise<void> {
  const { lane, addresses, perSecond, ledger, signal } = options
  const underway = new Set<Promise<void>>()
  const launch = async () => {
    const address = addresses[randomInt(addresses.length)]
    if (address === undefined) throw new TypeError('no address to connect to')
    const expectation = options.expectation?.() ?? mustWork
    try {
      ledger.done(lane, await exchange(address))
    } catch (error) {
      if (error instanceof CutError && expectation() === 'may be cut') ledger.refused(lane)
      else ledger.fail(lane, error instanceof Error ? error.message : String(error))
    }
  }
  const ticking = setInterval(() => {
    if (underway.size >= atOnce) return
    const one = launch()
    underway.add(one)
    void one.finally(() => underway.delete(one))
  }, 1000 / perSecond)
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  clearInterval(ticking)
  await Promise.all(underway)
}
