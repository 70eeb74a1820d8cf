import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { repositoryRoot } from '../repository-root.js'
import { parseOptions, type SoakOptions, usage } from './options.js'
import { minuteLine, summary, totalBytes } from './report.js'
import { soak, type SoakResult } from './soak.js'
import { svgPlot } from './svg-plot.js'
import { growthBounds, type Trend, trendsOf } from './trend.js'

function minutesText(seconds: number): string {
  const minutes = Number((seconds / 60).toFixed(1))
  return minutes === 1 ? '1 minute' : `${minutes} minutes`
}

function plot({ ledger, processes, restarts, rotations }: SoakResult, trends: readonly Trend[]): string {
  const { counts, failed, seconds } = ledger
  const connections = counts.churn.done + counts['slow signer'].done + counts['passing tunnels'].done
  const events = `${rotations} SVID rotations, ${counts.reloads.done} reloads, ${restarts.length} restarts of the authority`
  const { residentMiB, descriptors } = growthBounds
  return svgPlot({
    title: `svidecar under load for ${minutesText(seconds)}: ${failed} failures`,
    subtitle: `${connections.toLocaleString('en')} short connections, ${totalBytes(ledger)} checked byte by byte, ${events}`,
    footnote: `ticks on the axis: restarts of the authority · dashed: trend of the second half, at most +${residentMiB} MiB and +${descriptors} descriptors`,
    processes,
    trends,
    restarts,
    seconds,
  })
}

async function run({ minutes, output }: SoakOptions): Promise<boolean> {
  console.log(`soaking for ${minutes} min`)
  const result = await soak(minutes, ({ ledger, rotations, processes }) =>
    console.log(minuteLine(ledger, rotations, processes)),
  )
  const { ledger, processes } = result
  const trends = trendsOf(processes)
  const path = resolve(repositoryRoot, output)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.svg`, plot(result, trends))
  await writeFile(`${path}.json`, `${JSON.stringify({ ...result, trends }, null, 1)}\n`)
  console.log(`\n${summary(ledger, processes, trends)}\n\nplot in ${path}.svg, numbers in ${path}.json`)
  const steady = ledger.failed === 0 && !trends.some(({ exceeded }) => exceeded)
  console.log(steady ? 'soak: ok' : 'soak: FAILED')
  return steady
}

try {
  if (!(await run(parseOptions(process.argv.slice(2))))) process.exitCode = 1
} catch (error) {
  if (!(error instanceof TypeError)) throw error
  console.error(`${error.message}\n${usage}`)
  process.exitCode = 2
}
