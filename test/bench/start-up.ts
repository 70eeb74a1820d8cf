// What a start costs: time, processor and memory of `run` up to the first SVID and of `health`, beside Node itself.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '../repository-root.js'
import { measureStartUp, startUpColumn } from './start-up-measurement.js'
import { formatTable } from './table.js'

const usage = `usage: npm run bench -- --start-up [--rounds N] [FILE…]
Start and memory of each FILE's command line (the one in package.json when none is given), in alternation; medians.`

const { values, positionals } = parseArgs({
  options: { 'start-up': { type: 'boolean' }, rounds: { type: 'string' } },
  allowPositionals: true,
})
const rounds = Number(values.rounds ?? 9)
if (Number.isInteger(rounds) && rounds > 0) {
  const programs = positionals.length === 0 ? ['dist/bin/main.js'] : positionals
  const paths = programs.map((program) => resolve(repositoryRoot, program))
  console.log(formatTable(await measureStartUp(paths, rounds), [...paths.map(startUpColumn), 'node']))
} else {
  console.error(usage)
  process.exitCode = 2
}
