import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { askAdmin } from '../../sidecar/admin/admin-client.js'
import { adminPaths, type ReloadAnswer } from '../../sidecar/admin/admin-protocol.js'
import {
  type SoakPaths,
  type SoakPorts,
  soakId,
  type Variation,
  writeClientFile,
  writeServerFile,
} from './configuration.js'
import { checkedStream } from './checked-stream.js'
import { churn } from './churn.js'
import { fetchGuest, knock } from './guest.js'
import type { Ledger } from './ledger.js'

export interface ReloadOptions {
  readonly paths: SoakPaths
  readonly ports: SoakPorts
  readonly ledger: Ledger
  readonly signal: AbortSignal
}

const pauseMs = [1_500, 4_000] as const
const passingLifeMs = 1_500
/** The alert's name in OpenSSL for `access_denied`. */
const denied = 'access denied'

async function reload(admin: string, ledger: Ledger): Promise<void> {
  try {
    const { body } = await askAdmin(admin, 'POST', adminPaths.reload)
    const { succeeded, faults } = body as ReloadAnswer
    if (succeeded) ledger.done('reloads')
    else ledger.fail('reloads', faults.join('; '))
  } catch (error) {
    ledger.fail('reloads', String(error))
  }
}

async function reloadServer(options: ReloadOptions, variation: Variation): Promise<void> {
  await writeServerFile(options.paths, options.ports, variation)
  await reload(options.paths.serverAdmin, options.ledger)
}

async function reloadClient(options: ReloadOptions, variation: Variation): Promise<void> {
  await writeClientFile(options.paths, options.ports, variation)
  await reload(options.paths.clientAdmin, options.ledger)
}

/** The list that is in force decides, from the reload's answer on. */
async function probeGuest({ paths, ports, ledger }: ReloadOptions, allowed: boolean): Promise<void> {
  const svid = await fetchGuest(paths.authoritySocket, soakId('guest'))
  if (svid === undefined) return
  const what = await knock(ports.main, svid)
  if (what === (allowed ? 'let in' : denied)) ledger[allowed ? 'done' : 'refused']('guest')
  else ledger.fail('guest', `${allowed ? 'on the list' : 'not on the list'}: ${what}`)
}

/** A tunnel that comes, carries, and is removed while a stream is still on it: draining must not cost a byte. */
async function passTunnel(options: ReloadOptions, variation: Variation): Promise<void> {
  const { paths, ledger } = options
  const present = { ...variation, passing: true }
  await reloadServer(options, present)
  await reloadClient(options, present)
  const address = { path: paths.passingDoor }
  const load = AbortSignal.timeout(passingLifeMs)
  const churning = churn({ lane: 'passing tunnels', addresses: [address], perSecond: 10, ledger, signal: load })
  const outlasting = new AbortController()
  const stream = { lane: 'passing tunnels', address, bytesPerSecond: 128 << 10, ledger } as const
  const streaming = checkedStream({ ...stream, end: outlasting.signal })
  await churning
  await reloadClient(options, { ...variation, passing: false })
  await reloadServer(options, { ...variation, passing: false })
  await sleep(passingLifeMs)
  outlasting.abort()
  await streaming
}

/** Changes both sides' files all the time until the signal fires. */
export async function reloadAllTheTime(options: ReloadOptions): Promise<void> {
  for (let turn = 1; !options.signal.aborted; turn += 1) {
    const variation = { turn, guestAllowed: turn % 2 === 0, passing: false }
    await reloadServer(options, variation)
    await probeGuest(options, variation.guestAllowed)
    await reloadClient(options, variation)
    if (turn % 3 === 0) await passTunnel(options, variation)
    await sleep(randomInt(...pauseMs), undefined, { signal: options.signal }).catch(() => undefined)
  }
}
