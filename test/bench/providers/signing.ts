import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { generatePrivateKey, openProvider, type Provider, type Signer } from '../../../parsec-core/index.js'
import { type SoftHsm, userPin } from '../../devices/softhsm.js'
import type { Devices } from './devices.js'
import type { Effort, Reading } from './reading.js'

const bareProgram = fileURLToPath(new URL('bare-signing.js', import.meta.url))
const message = Buffer.alloc(130, 7) // as long as what TLS 1.3 has signed
const warmUpMs = 300
export const bareColumn = 'SoftHSM, bare loop'

/** `callers` ask again as soon as they have their signature. */
async function signFor(signer: Signer, callers: number, ms: number): Promise<readonly number[]> {
  const times: number[] = []
  const end = performance.now() + ms
  const caller = async () => {
    while (performance.now() < end) {
      const begun = performance.now()
      await signer.sign('EcdsaSha256', message)
      times.push(performance.now() - begun)
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return times.toSorted((a, b) => a - b)
}

async function readSigner(
  column: string,
  signer: Signer,
  callers: number,
  seconds: number,
): Promise<readonly Reading[]> {
  await signFor(signer, callers, warmUpMs)
  const begun = performance.now()
  const times = await signFor(signer, callers, seconds * 1000)
  const elapsed = performance.now() - begun
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN
  const who = callers === 1 ? '1 caller' : `${callers} callers`
  return [
    { column, metric: `P-256 signatures, ${who}`, unit: '1/s', value: (times.length * 1000) / elapsed },
    { column, metric: `P-256 signature, ${who}, p50`, unit: 'ms', value: at(0.5) },
    { column, metric: `P-256 signature, ${who}, p99`, unit: 'ms', value: at(0.99) },
  ]
}

async function readBare(hsm: SoftHsm, seconds: number): Promise<Reading> {
  const args = [bareProgram, hsm.module, 'bench', userPin, String(seconds)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...hsm.environment } })
  return { column: bareColumn, metric: 'P-256 signatures, 1 caller', unit: '1/s', value: Number(stdout) }
}

/** Signatures of each provider in turn, and of a loop that does nothing but ask the token. */
export async function measureSigning(devices: Devices, effort: Effort): Promise<readonly Reading[]> {
  const providers: Provider[] = []
  try {
    const signers: (readonly [string, Signer])[] = []
    for (const { name, type, settings } of devices.columns) {
      const provider = await openProvider({ name, type, settings })
      providers.push(provider)
      const identity = { applicationIdentity: 'bench', keyName: 'signing' }
      signers.push([name, await generatePrivateKey(provider, identity, 'ec-p256')])
    }
    return await signInTurns(signers, devices.hsm, effort)
  } finally {
    await Promise.all(providers.map((provider) => provider.close()))
  }
}

async function signInTurns(
  signers: readonly (readonly [string, Signer])[],
  hsm: SoftHsm | undefined,
  { rounds, signSeconds }: Effort,
): Promise<readonly Reading[]> {
  const readings: Reading[] = []
  for (let round = 1; round <= rounds; round += 1) {
    console.error(`signatures, round ${round} of ${rounds}`)
    // On both sides of what it is compared with, so that a machine that slows down meanwhile favours neither.
    if (hsm) readings.push(await readBare(hsm, signSeconds))
    for (const [name, signer] of signers) {
      for (const callers of [1, 8]) readings.push(...(await readSigner(name, signer, callers, signSeconds)))
    }
    if (hsm) readings.push(await readBare(hsm, signSeconds))
  }
  return readings
}
