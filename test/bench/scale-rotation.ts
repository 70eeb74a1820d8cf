import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Backend, Load, type LoadMode } from './load.js'
import { freeAddress } from './free-address.js'
import type { Certificates } from './certificates.js'
import { otherThreadsWaitMs } from './process-tree.js'
import type { ScaleRow } from './scale-row.js'
import { ScaleSidecar } from './scale-sidecar.js'
import { median } from './table.js'

const many = 1_000
/** Renewed between 40 and 50 % of it: that leaves a quiet time, and then all of them within some seconds. */
const shortTtl = '90s'
const longTtl = '24h'
/** Of one reading; its rotations are counted. */
const sliceSeconds = 1
/** Readings of each kind in the quiet and during rotations. */
const wantedSlices = 6
const giveUpAfterMs = 300_000
/** What two stretches of the same quiet load differ by on a small machine. */
const unmoved = 1.25

/** How many of the 1,000 rotate, and how many rotations make a slice that counts. */
interface Rate {
  readonly title: string
  readonly rotating: number
  readonly atLeast: number
  readonly atMost: number
}

const rates: readonly Rate[] = [
  // An hour's SVIDs: 1,000 in the six minutes between 40 and 50 % of it when all came at once, later 0.3 a second.
  { title: 'rotations as of 1 h SVIDs', rotating: 30, atLeast: 1, atMost: 9 },
  { title: 'all 1,000 rotate within seconds', rotating: many, atLeast: 60, atMost: Number.MAX_SAFE_INTEGER },
]

/** One second of load. */
interface Slice {
  readonly mode: LoadMode
  readonly rotations: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly meanMs: number
  /** Of that, for a processor: in the threads that carry bytes, of all four processes. */
  readonly waitMs: number
}

/** The short one's SVIDs rotate, those of the long one do not; the loaded tunnel's identity is the first of the short. */
interface Authorities {
  readonly short: string
  readonly long: string
}

const authorityNames = ['short', 'long'] as const
type AuthorityName = (typeof authorityNames)[number]

const id = (of: AuthorityName, name: string) => `spiffe://${of}.test/${name}`

function identityBlock(of: AuthorityName, name: string, sockets: Authorities): string {
  return `identity "${name}" { source = "authority" authority_address = "unix:${sockets[of]}" spiffe_id = "${id(of, name)}" }\n`
}

/** Both authorities in one process, which gets what the measured ones leave, since it would be elsewhere. */
async function startAuthorities(
  folder: string,
): Promise<{ readonly sidecar: ScaleSidecar; readonly sockets: Authorities }> {
  const uid = process.getuid?.() ?? 0
  const names = ['client', ...Array.from({ length: many }, (_, index) => `w${index}`)]
  const sockets = { short: join(folder, 'short.sock'), long: join(folder, 'long.sock') }
  const block = async (of: AuthorityName) => {
    const entries = join(folder, `${of}.hcl`)
    await writeFile(entries, names.map((name) => `entry { uid = ${uid} spiffe_ids = ["${id(of, name)}"] }\n`).join(''))
    return `authority "${of}" {
  listen            = "unix:${sockets[of]}"
  trust_domain      = "${of}.test"
  svid_ttl          = "${of === 'short' ? shortTtl : longTtl}"
  ca_ttl            = "240h"
  registration_file = "${entries}"
}
`
  }
  const config = (await Promise.all(authorityNames.map(block))).join('')
  const sidecar = await ScaleSidecar.start(folder, 'authority', config)
  sidecar.yieldToOthers()
  await sidecar.until('the authority serves', authorityNames.length)
  return { sidecar, sockets }
}

/** The process under measurement: 1,000 identities, a tunnel each; the first tunnel carries the load. */
function serverConfig(sockets: Authorities, rotating: number, folder: string, listen: string, target: string): string {
  const blocks = Array.from({ length: many }, (_, index) => {
    const from = index === 0 ? listen : `unix:${join(folder, `s${index}`)}`
    const allow = `allow { ids = ["${id('short', 'client')}"] }`
    const tunnel = `tunnel "t${index}" { mode = "server" listen = "${from}" target = "${target}" identity = "w${index}" ${allow} }\n`
    return identityBlock(index < rotating ? 'short' : 'long', `w${index}`, sockets) + tunnel
  })
  return blocks.join('')
}

function clientConfig(sockets: Authorities, listen: string, target: string): string {
  const allow = `allow { ids = ["${id('short', 'w0')}"] }`
  return `${identityBlock('short', 'client', sockets)}tunnel "t" { mode = "client" listen = "${listen}" target = "${target}" ${allow} }\n`
}

interface Cast {
  readonly load: Load
  readonly address: string
  readonly server: ScaleSidecar
  readonly pids: readonly number[]
}

async function readSlice({ load, address, server, pids }: Cast, mode: LoadMode): Promise<Slice> {
  const waited = () => pids.reduce((total, pid) => total + otherThreadsWaitMs(pid), 0)
  const [rotatedBefore, waitedBefore] = [server.count('SVID rotated'), waited()]
  const result = await load.run(mode, address, false, { callers: 1, seconds: sliceSeconds })
  return {
    mode,
    rotations: server.count('SVID rotated') - rotatedBefore,
    p50Ms: result.p50_us / 1000,
    p99Ms: result.p99_us / 1000,
    meanMs: (result.seconds * 1000) / result.done,
    waitMs: (waited() - waitedBefore + result.wait_seconds * 1000) / result.done,
  }
}

const isQuiet = ({ rotations }: Slice) => rotations === 0
const isBusy =
  ({ atLeast, atMost }: Rate) =>
  ({ rotations }: Slice) =>
    rotations >= atLeast && rotations <= atMost

function enough(slices: readonly Slice[], rate: Rate): boolean {
  const pairs = (['roundtrips', 'handshakes'] as const).flatMap((mode) => {
    const own = slices.filter((slice) => slice.mode === mode)
    return [own.filter(isBusy(rate)).length, own.filter(isQuiet).length]
  })
  return pairs.every((count) => count >= wantedSlices)
}

function rowsOf(slices: readonly Slice[], mode: LoadMode, rate: Rate, what: string): readonly ScaleRow[] {
  const own = slices.filter((slice) => slice.mode === mode)
  const row = (field: 'p50Ms' | 'p99Ms' | 'meanMs' | 'waitMs', name: string): ScaleRow => ({
    what: `${rate.title}: ${what}, ${name}`,
    unit: 'ms',
    small: median(own.filter(isQuiet).map((slice) => slice[field])),
    large: median(own.filter(isBusy(rate)).map((slice) => slice[field])),
  })
  return [
    row('p50Ms', 'p50'),
    { ...row('p99Ms', 'p99'), atMost: { ratio: unmoved } },
    row('meanMs', 'mean'),
    row('waitMs', 'mean wait for a processor'),
  ]
}

async function takeSlices(cast: Cast, rate: Rate): Promise<readonly Slice[]> {
  const slices: Slice[] = []
  const deadline = performance.now() + giveUpAfterMs
  while (!enough(slices, rate) && performance.now() < deadline) {
    for (const mode of ['roundtrips', 'handshakes'] as const) slices.push(await readSlice(cast, mode))
  }
  return slices
}

/** 1,000 identities in one process, of which some are renewed while one tunnel carries traffic. */
async function measureRate(rate: Rate, root: string, folder: string, certificates: Certificates) {
  const load = new Load({ root, certificates })
  await using backend = await Backend.start(load, await freeAddress(), false)
  const { sidecar, sockets } = await startAuthorities(folder)
  await using _authorities = sidecar
  const [mtls, plain] = [await freeAddress(), await freeAddress()]
  const config = serverConfig(sockets, rate.rotating, folder, mtls, backend.address)
  await using server = await ScaleSidecar.start(folder, 'server', config)
  const upMs = await server.until('tunnel listening', many)
  await using client = await ScaleSidecar.start(folder, 'client', clientConfig(sockets, plain, mtls))
  await client.until('tunnel listening', 1)
  const cast = { load, address: plain, server, pids: [backend.pid, server.pid, client.pid] }
  const slices = await takeSlices(cast, rate)
  const busy = slices.filter(isBusy(rate)).map(({ rotations }) => rotations / sliceSeconds)
  return [
    { what: `${rate.title}: from exec to all in use`, unit: 's', small: undefined, large: upMs / 1000 },
    { what: `${rate.title}: rotations a second`, unit: '1/s', small: undefined, large: median(busy) },
    ...rowsOf(slices, 'roundtrips', rate, 'round trip of 64 B'),
    ...rowsOf(slices, 'handshakes', rate, 'new connection'),
  ]
}

/** What rotations do to the traffic of one tunnel, at a usual rate and at an extreme one. */
export async function measureRotation(
  root: string,
  folder: string,
  certificates: Certificates,
): Promise<readonly ScaleRow[]> {
  const rows: ScaleRow[] = []
  for (const [index, rate] of rates.entries()) {
    const own = join(folder, `r${index}`)
    await mkdir(own)
    rows.push(...(await measureRate(rate, root, own, certificates)))
  }
  return rows
}
