/**
 * `npm run bench -- helper`: what a rotation of 1,000 outputs costs and does to a tunnel beside it, and start and memory
 * beside spiffe-helper (SPIFFE_HELPER_BIN), alone and with ghostunnel (GHOSTUNNEL_BIN) for its tunnel. A missed target
 * ends in exit code 1. `--quick`: does it run at all; the numbers mean little. `--rounds N`.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '../repository-root.js'
import { makeCertificates } from './certificates.js'
import { measureOutputRotation } from './helper/rotation.js'
import { contenders, measureStart } from './helper/start.js'
import { formatRows, isMissed, type ScaleRow } from './scale-row.js'
import { formatTable, type Sample } from './table.js'

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { quick: { type: 'boolean' }, rounds: { type: 'string' } },
})
const isQuick = values.quick === true
const rounds = Number(values.rounds ?? (isQuick ? 1 : 9))
const effort = isQuick ? { outputs: 20, rotations: 1 } : { outputs: 1_000, rotations: 5 }

const folder = await mkdtemp(join(tmpdir(), 'svidecar-helper-'))
try {
  const certificates = await makeCertificates(folder)
  const { present, missing } = contenders()
  for (const name of missing) console.error(`left out: ${name} is not on this machine`)
  const samples: Sample[] = []
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, contender] of (round % 2 === 0 ? present : present.toReversed()).entries()) {
      const own = join(folder, `s${round}-${index}`)
      await mkdir(own)
      samples.push(...(await measureStart(contender, own, certificates)))
    }
  }
  const rows: ScaleRow[] = []
  for (const [place, directory] of [
    ['memory', await mkdtemp('/dev/shm/svidecar-helper-')],
    ['disk', join(folder, 'disk')],
  ] as const) {
    const own = join(folder, `run-${place}`)
    await mkdir(own)
    await mkdir(directory, { recursive: true })
    rows.push(...(await measureOutputRotation(repositoryRoot, own, certificates, { ...effort, place, directory })))
    await rm(directory, { recursive: true, force: true })
  }
  const processors = cpus()
  const heading = `${new Date().toISOString().slice(0, 10)}, ${processors.length} × ${processors[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}, median of ${rounds} starts and ${effort.rotations} rotations`
  const table = formatTable(
    samples,
    present.map(({ name }) => name),
  )
  const text = `${[heading, table, formatRows(rows)].join('\n\n')}\n`
  const results = join(repositoryRoot, 'dist', 'bench')
  await mkdir(results, { recursive: true })
  await writeFile(join(results, 'helper.txt'), text)
  await writeFile(join(results, 'helper.json'), JSON.stringify({ samples, rows }, undefined, 1))
  process.stdout.write(text)
  if (!isQuick && rows.some(isMissed)) process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
