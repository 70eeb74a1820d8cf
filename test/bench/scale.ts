// The benchmark of scale: many IDs, many tunnels, many identities in one process, each against few.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '../repository-root.js'
import { makeScaleCertificates, type ScaleCertificates } from './scale-certificates.js'
import { measurePolicy } from './scale-policy.js'
import { measureRotation } from './scale-rotation.js'
import { formatRows, isMissed, type ScaleRow } from './scale-row.js'
import { measureTunnels } from './scale-tunnels.js'

const usage =
  'usage: npm run bench -- --scale [--parts policy,tunnels,rotation]   (results: dist/bench/scale.txt, .json)'

interface Place {
  readonly folder: string
  readonly certificates: ScaleCertificates
}

const parts: Readonly<Record<string, (place: Place) => Promise<readonly ScaleRow[]>>> = {
  tunnels: ({ folder, certificates }) => measureTunnels(folder, certificates),
  policy: ({ folder, certificates }) => measurePolicy({ root: repositoryRoot, folder, certificates }),
  rotation: ({ folder, certificates }) => measureRotation(repositoryRoot, folder, certificates),
}

/** Throws TypeError for what it cannot use. */
function chosenParts(args: readonly string[]): readonly string[] {
  const options = { scale: { type: 'boolean' }, parts: { type: 'string' } } as const
  const { values } = parseArgs({ args: [...args], options })
  const chosen = values.parts?.split(',') ?? Object.keys(parts)
  const unknown = chosen.find((name) => !(name in parts))
  if (unknown !== undefined) throw new TypeError(`"${unknown}" is not one of ${Object.keys(parts).join(', ')}`)
  return chosen
}

async function run(chosen: readonly string[]): Promise<readonly ScaleRow[]> {
  // Short, so that the paths of sockets fit.
  const folder = await mkdtemp(join(tmpdir(), 'sv-scale-'))
  const rows: ScaleRow[] = []
  try {
    const certificates = await makeScaleCertificates(folder)
    for (const name of chosen) {
      console.error(`measuring: ${name}`)
      rows.push(...((await parts[name]?.({ folder, certificates })) ?? []))
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return rows
}

try {
  const rows = await run(chosenParts(process.argv.slice(2)))
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`
  const text = `${new Date().toISOString().slice(0, 10)}, ${machine}, Node ${process.versions.node}\n${formatRows(rows)}\n`
  const output = join(repositoryRoot, 'dist', 'bench', 'scale')
  await mkdir(join(repositoryRoot, 'dist', 'bench'), { recursive: true })
  await writeFile(`${output}.txt`, text)
  await writeFile(`${output}.json`, `${JSON.stringify(rows, null, 1)}\n`)
  console.log(text)
  if (rows.some(isMissed)) console.log('a target is missed')
} catch (error) {
  if (!(error instanceof TypeError)) throw error
  console.error(`${error.message}\n${usage}`)
  process.exitCode = 2
}
