import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { repositoryRoot } from '../repository-root.js'
import { makeCertificates, makeStrangers } from './certificates.js'
import { type BenchOptions, parseOptions, usage } from './options.js'
import { chooseProxies } from './proxies/index.js'
import type { Proxy } from './proxies/proxy.js'
import { runRounds } from './rounds.js'
import { measureScale, scaleParts } from './scale-parts.js'
import { formatRows, type ScaleRow } from './scale-row.js'
import { formatSpread } from './spread.js'
import { measureStartUp, startUpColumn } from './start-up-measurement.js'
import { formatTable, type Sample } from './table.js'
import { formatTargets, targetsOf } from './targets.js'

const shipped = resolve(repositoryRoot, 'dist/bin/main.js')
const startUpRounds = 9

interface Results {
  readonly samples: readonly Sample[]
  readonly startUp: readonly Sample[]
  readonly scale: readonly ScaleRow[]
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

function tableOf(samples: readonly Sample[], names: readonly string[]): string {
  const [first = '', second, ...others] = names
  return second !== undefined && others.length === 0
    ? formatSpread(samples, first, second)
    : formatTable(samples, names)
}

function report(present: ReadonlyMap<Proxy, string>, { samples, startUp, scale }: Results, options: BenchOptions) {
  const names = [...present.keys()].map(({ name }) => name)
  const sections = [heading(present, options), tableOf(samples, names)]
  if (startUp.length > 0) sections.push(formatTable(startUp, [startUpColumn(shipped), 'node']))
  if (scale.length > 0) sections.push(formatRows(scale))
  const targets = targetsOf([...samples, ...startUp], options.callers, scale).filter(
    ({ cases }) => options.everything || cases.length > 0,
  )
  if (targets.length > 0) sections.push(formatTargets(targets))
  return `${sections.join('\n\n')}\n`
}

/** Table and readings are written after each round: a run is long, and its end may not come. */
async function measureAll(present: ReadonlyMap<Proxy, string>, folder: string, options: BenchOptions): Promise<string> {
  const certificates = await makeCertificates(folder)
  const strangers = await makeStrangers(folder, certificates.authority, options.scale.strangers)
  const output = resolve(repositoryRoot, options.output)
  await mkdir(dirname(output), { recursive: true })
  const save = async (results: Results): Promise<string> => {
    const text = report(present, results, options)
    await writeFile(`${output}.json`, `${JSON.stringify({ options, ...results }, null, 1)}\n`)
    await writeFile(`${output}.txt`, text)
    return `${text}\nwritten to ${output}.txt and .json`
  }
  const none = { startUp: [], scale: [] }
  const bench = { options, certificates, strangers, folder }
  const samples = await runRounds([...present.keys()], bench, async (soFar) => {
    await save({ samples: soFar, ...none })
  })
  if (!options.everything) return save({ samples, ...none })
  const startUp = await measureStartUp([shipped], startUpRounds)
  await save({ samples, startUp, scale: [] })
  return save({ samples, startUp, scale: await measureScale(scaleParts) })
}

async function run(options: BenchOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'svidecar-bench-'))
  try {
    console.log(await measureAll(await findProxies(options.proxies), folder, options))
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
