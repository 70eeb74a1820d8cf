// The benchmark of scale: many IDs, many tunnels, many identities in one process, each against few.
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '../repository-root.js'
import { measureScale, scaleParts } from './scale-parts.js'
import { formatRows, isMissed } from './scale-row.js'

const usage =
  'usage: npm run bench -- --scale [--parts policy,tunnels,rotation]   (results: dist/bench/scale.txt, .json)'

/** Throws TypeError for what it cannot use. */
function chosenParts(args: readonly string[]): readonly string[] {
  const options = { scale: { type: 'boolean' }, parts: { type: 'string' } } as const
  const { values } = parseArgs({ args: [...args], options })
  const chosen = values.parts?.split(',') ?? scaleParts
  const unknown = chosen.find((name) => !scaleParts.includes(name))
  if (unknown !== undefined) throw new TypeError(`"${unknown}" is not one of ${scaleParts.join(', ')}`)
  return chosen
}

try {
  const rows = await measureScale(chosenParts(process.argv.slice(2)))
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
