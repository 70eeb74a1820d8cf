/** Loads the addon in worker threads only, one after the other, each ended in full traffic. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

import { until } from '../fixture.js'

const program = join(fileURLToPath(import.meta.url), '..', 'lifecycle.js')
for (let round = 0; round < 3; round += 1) {
  const worker = new Worker(program, { argv: ['worker'], stdout: true })
  let said = ''
  worker.stdout.on('data', (chunk) => (said += String(chunk)))
  await until(() => said.includes('busy'))
  await worker.terminate()
}
process.stdout.write('terminated\n')
