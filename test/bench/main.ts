import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Certificates, makeCertificates } from './certificates.js'
import { RunningProxy } from './child-process.js'
import { freeAddress } from './free-address.js'
import { Backend, Load } from './load.js'
import { measurements, type Reading, type Subject } from './measurements.js'
import { type BenchOptions, type Mode, parseOptions, type Plaintext, usage } from './options.js'
import { residentBytes } from './process-tree.js'
import { chooseProxies } from './proxies/index.js'
import type { Proxy } from './proxies/proxy.js'
import { formatSpread } from './spread.js'
import { formatTable, type Sample } from './table.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const MiB = 1024 ** 2

interface Setting {
  readonly mode: Mode
  readonly plaintext: Plaintext
}

interface Bench {
  readonly options: BenchOptions
  readonly certificates: Certificates
  readonly folder: string
}

async function measure(subject: Subject, { options }: Bench): Promise<readonly Reading[]> {
  const readings: Reading[] = []
  for (const measurement of measurements) {
    if (options.measurements?.includes(measurement.name) === false) continue
    for (const callers of measurement.perCallers ? options.callers : [1]) {
      readings.push(...(await measurement.run(subject, callers)))
    }
  }
  return readings
}

/** Starts backend and proxy in an own folder, measures, and stops both. */
async function measureProxy(proxy: Proxy, { mode, plaintext }: Setting, bench: Bench): Promise<readonly Reading[]> {
  const folder = await mkdtemp(join(bench.folder, `${proxy.name.replaceAll(/[^\w.-]+/g, '-').slice(0, 24)}-`))
  const unixOr = async (name: string): Promise<string> =>
    plaintext === 'unix' ? `unix:${join(folder, name)}` : freeAddress()
  const tls = mode === 'server'
  const { certificates } = bench
  const load = new Load(root, certificates, proxy.keyExchange)
  await using backend = await Backend.start(load, tls ? await unixOr('backend') : await freeAddress(), !tls)
  const listen = tls ? await freeAddress() : await unixOr('listen')
  const role = { mode, listen, target: backend.address, certificates, folder }
  await using prepared = await proxy.prepare(role)
  await using running = await RunningProxy.start(prepared, listen, join(folder, 'log'))
  const atStart: readonly Reading[] = [
    { metric: 'start to listening', unit: 'ms', value: running.startMs },
    { metric: 'resident at start', unit: 'MiB', value: residentBytes(running.pid) / MiB },
  ]
  const subject = { pid: running.pid, address: listen, tls, load, scale: bench.options.scale }
  return [...atStart, ...(await measure(subject, bench))]
}

function settings({ modes, plaintext }: BenchOptions): readonly Setting[] {
  return modes.flatMap((mode) => plaintext.map((side) => ({ mode, plaintext: side })))
}

/** Every other round goes through the proxies backwards: what drifts with time hits none of them alone. */
async function runRounds(present: readonly Proxy[], bench: Bench): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  for (const { mode, plaintext } of settings(bench.options)) {
    const setting = `${mode}, ${plaintext} plaintext`
    for (let round = 1; round <= bench.options.rounds; round += 1) {
      for (const proxy of round % 2 === 1 ? present : present.toReversed()) {
        console.error(`${setting}, round ${round} of ${bench.options.rounds}: ${proxy.name}`)
        const readings = await measureProxy(proxy, { mode, plaintext }, bench)
        samples.push(...readings.map((reading) => ({ ...reading, proxy: proxy.name, setting })))
      }
    }
  }
  return samples
}

async function findProxies(wanted: readonly string[] | undefined): Promise<ReadonlyMap<Proxy, string>> {
  const found = new Map<Proxy, string>()
  for (const proxy of chooseProxies(wanted)) {
    const version = await proxy.version()
    if (version === undefined) console.error(`skipped: ${proxy.name} is not on this machine`)
    else found.set(proxy, version)
  }
  return found
}

function heading(present: ReadonlyMap<Proxy, string>, { rounds }: BenchOptions): string {
  const processors = cpus()
  const versions = [...present].map(([{ name }, version]) => `${name} (${version})`).join(', ')
  const machine = `${processors.length} × ${processors[0]?.model ?? 'unknown processor'}`
  return `${new Date().toISOString().slice(0, 10)}, ${machine}, Node ${process.versions.node}, median of ${rounds} rounds
${versions}
In brackets: the first column as a share of that one; below 1 the first is the better. Less is better everywhere.`
}

async function run(options: BenchOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'svidecar-bench-'))
  try {
    const present = await findProxies(options.proxies)
    const certificates = await makeCertificates(folder)
    const samples = await runRounds([...present.keys()], { options, certificates, folder })
    const [first = '', second = '', ...others] = [...present.keys()].map(({ name }) => name)
    const table =
      second !== '' && others.length === 0
        ? formatSpread(samples, first, second)
        : formatTable(samples, [first, second, ...others])
    const text = `${heading(present, options)}\n\n${table}\n`
    const output = resolve(root, options.output)
    await mkdir(dirname(output), { recursive: true })
    await writeFile(`${output}.txt`, text)
    await writeFile(`${output}.json`, `${JSON.stringify({ options, samples }, null, 1)}\n`)
    console.log(`${text}\nwritten to ${output}.txt and .json`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

try {
  await run(parseOptions(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof TypeError)) throw error
  console.error(`${error.message}\n${usage}`)
  process.exitCode = 2
}
