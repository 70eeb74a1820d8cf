import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Backend, Load, type LoadMode } from './load.js'
import { freeAddress } from './free-address.js'
import type { Certificates } from './certificates.js'
import type { ScaleRow } from './scale-row.js'
import { ScaleSidecar } from './scale-sidecar.js'
import { median } from './table.js'

const many = 1_000
const trustDomain = 'scale.test'
/** Renewed between 40 and 50 % of it: that leaves a quiet time, and then a thousand rotations within some seconds. */
const svidTtlSeconds = 90
/** Of one reading; its rotations are counted. */
const sliceSeconds = 1
/** Readings of each kind in the quiet and during rotations. */
const wantedSlices = 6
const giveUpAfterMs = 200_000
/** A slice with fewer rotations than this is neither quiet nor busy. */
const busyRotations = 60
/** What two stretches of the same quiet load differ by on a small machine. */
const unmoved = 1.25

interface Slice {
  readonly mode: LoadMode
  readonly rotations: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const id = (name: string) => `spiffe://${trustDomain}/${name}`

function identityBlock(name: string, authoritySocket: string): string {
  return `identity "${name}" { source = "authority" authority_address = "unix:${authoritySocket}" spiffe_id = "${id(name)}" }\n`
}

async function startAuthority(folder: string): Promise<{ readonly sidecar: ScaleSidecar; readonly socket: string }> {
  const socket = join(folder, 'ca.sock')
  const uid = process.getuid?.() ?? 0
  const names = ['client', ...Array.from({ length: many }, (_, index) => `w${index}`)]
  const entries = names.map((name) => `entry { uid = ${uid} spiffe_ids = ["${id(name)}"] }\n`)
  await writeFile(join(folder, 'entries.hcl'), entries.join(''))
  const config = `authority "scale" {
  listen            = "unix:${socket}"
  trust_domain      = "${trustDomain}"
  svid_ttl          = "${svidTtlSeconds}s"
  registration_file = "${join(folder, 'entries.hcl')}"
}
`
  const sidecar = await ScaleSidecar.start(folder, 'authority', config)
  sidecar.yieldToOthers()
  await sidecar.until('the authority serves', 1)
  return { sidecar, socket }
}

/** The process under measurement: 1,000 identities, a tunnel each; the first tunnel carries the load. */
function serverConfig(authoritySocket: string, folder: string, listen: string, target: string): string {
  const blocks = Array.from({ length: many }, (_, index) => {
    const [from, to] = index === 0 ? [listen, target] : [`unix:${join(folder, `s${index}`)}`, target]
    return `${identityBlock(`w${index}`, authoritySocket)}tunnel "t${index}" { mode = "server" listen = "${from}" target = "${to}" identity = "w${index}" allow { ids = ["${id('client')}"] } }\n`
  })
  return blocks.join('')
}

function clientConfig(authoritySocket: string, listen: string, target: string): string {
  return `${identityBlock('client', authoritySocket)}tunnel "t" { mode = "client" listen = "${listen}" target = "${target}" allow { ids = ["${id('w0')}"] } }\n`
}

async function readSlice(load: Load, mode: LoadMode, address: string, server: ScaleSidecar): Promise<Slice> {
  const before = server.count('SVID rotated')
  const { p50_us, p99_us } = await load.run(mode, address, false, { callers: 1, seconds: sliceSeconds })
  const rotations = server.count('SVID rotated') - before
  return { mode, rotations, p50Ms: p50_us / 1000, p99Ms: p99_us / 1000 }
}

const isBusy = ({ rotations }: Slice) => rotations >= busyRotations
const isQuiet = ({ rotations }: Slice) => rotations === 0

function enough(slices: readonly Slice[]): boolean {
  const pairs = (['roundtrips', 'handshakes'] as const).flatMap((mode) => [
    slices.filter((slice) => slice.mode === mode && isBusy(slice)).length,
    slices.filter((slice) => slice.mode === mode && isQuiet(slice)).length,
  ])
  return pairs.every((count) => count >= wantedSlices)
}

function rowsOf(slices: readonly Slice[], mode: LoadMode, what: string): readonly ScaleRow[] {
  const values = (accepts: (slice: Slice) => boolean, field: 'p50Ms' | 'p99Ms') =>
    median(slices.filter((slice) => slice.mode === mode && accepts(slice)).map((slice) => slice[field]))
  const row = (field: 'p50Ms' | 'p99Ms') => ({
    unit: 'ms',
    small: values(isQuiet, field),
    large: values(isBusy, field),
  })
  return [
    { what: `${what}, before and during: p50`, ...row('p50Ms') },
    { what: `${what}, before and during: p99`, ...row('p99Ms'), atMost: { ratio: unmoved } },
  ]
}

/** 1,000 identities in one process, renewed within seconds of each other, while one tunnel carries traffic. */
export async function measureRotation(
  root: string,
  folder: string,
  certificates: Certificates,
): Promise<readonly ScaleRow[]> {
  const load = new Load({ root, certificates })
  await using backend = await Backend.start(load, await freeAddress(), false)
  const { sidecar, socket } = await startAuthority(folder)
  await using _authority = sidecar
  const [mtls, plain] = [await freeAddress(), await freeAddress()]
  await using server = await ScaleSidecar.start(folder, 'server', serverConfig(socket, folder, mtls, backend.address))
  const upMs = await server.until('tunnel listening', many)
  await using client = await ScaleSidecar.start(folder, 'client', clientConfig(socket, plain, mtls))
  await client.until('tunnel listening', 1)
  const slices: Slice[] = []
  const deadline = performance.now() + giveUpAfterMs
  while (!enough(slices) && performance.now() < deadline) {
    for (const mode of ['roundtrips', 'handshakes'] as const) slices.push(await readSlice(load, mode, plain, server))
  }
  const busiest = Math.max(...slices.map(({ rotations }) => rotations)) / sliceSeconds
  return [
    { what: '1,000 identities: from exec to all in use', unit: 's', small: undefined, large: upMs / 1000 },
    { what: '1,000 identities: rotations a second at most', unit: '1/s', small: undefined, large: busiest },
    ...rowsOf(slices, 'roundtrips', 'round trip of 64 B while 1,000 rotate'),
    ...rowsOf(slices, 'handshakes', 'new connection while 1,000 rotate'),
  ]
}
