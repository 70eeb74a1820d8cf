import { test } from 'node:test'
import { fuzz, targets } from './targets.js'

/** Another one with each run; a failure names it. */
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 32)

for (const target of targets) {
  test(`a ${target.name}, 20,000 times, seed ${seed}`, () => fuzz(target, seed, 20_000))
}
