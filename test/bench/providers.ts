/**
 * `npm run bench -- providers`: how fast each key provider signs, what a connection costs with its keys, and what a slow
 * device does to established connections. A reading below its target ends in exit code 1.
 * `--quick`: does it run at all; the numbers mean little. `--parts signing,connections,established`, `--rounds N`.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '../repository-root.js'
import { makeCertificates } from './certificates.js'
import { measureConnections } from './providers/connections.js'
import { Devices } from './providers/devices.js'
import { measureEstablished } from './providers/established.js'
import { formatProviders, verdictsOf } from './providers/judge.js'
import { type Effort, isMet, type Reading } from './providers/reading.js'
import { measureSigning } from './providers/signing.js'

const usual: Effort = { rounds: 5, signSeconds: 1.5, connections: 6_000, tpmConnections: 600, roundTrips: 20_000 }
const quickest: Effort = { rounds: 1, signSeconds: 0.1, connections: 200, tpmConnections: 40, roundTrips: 500 }
const everyPart = ['signing', 'connections', 'established']

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { quick: { type: 'boolean' }, parts: { type: 'string' }, rounds: { type: 'string' } },
})
const parts = values.parts?.split(',') ?? everyPart
const strangers = parts.filter((part) => !everyPart.includes(part))
if (strangers.length > 0) throw new Error(`no part "${strangers.join(', ')}"; there are ${everyPart.join(', ')}`)
const effort = { ...(values.quick ? quickest : usual), ...(values.rounds && { rounds: Number(values.rounds) }) }

await using devices = await Devices.start()
for (const missing of devices.missing) console.error(`left out: ${missing}`)
const certificates = await makeCertificates(await devices.newFolder())
const readings: Reading[] = []
if (parts.includes('signing')) readings.push(...(await measureSigning(devices, effort)))
if (parts.includes('connections')) readings.push(...(await measureConnections(devices, certificates, effort)))
if (parts.includes('established')) readings.push(...(await measureEstablished(devices, certificates, effort)))

const verdicts = verdictsOf(readings)
const processors = cpus()
const heading = `${new Date().toISOString().slice(0, 10)}, ${processors.length} × ${processors[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}, median of ${effort.rounds} rounds`
const text = `${heading}\n\n${formatProviders(readings, verdicts)}\n`
const folder = join(repositoryRoot, 'dist', 'bench')
await mkdir(folder, { recursive: true })
await writeFile(join(folder, 'providers.txt'), text)
await writeFile(join(folder, 'providers.json'), JSON.stringify({ readings, verdicts }, undefined, 1))
process.stdout.write(text)
if (!values.quick && !verdicts.every(isMet)) process.exitCode = 1
