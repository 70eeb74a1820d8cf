import { test } from 'node:test'
import { fuzz, targets } from './targets.js'

for (const target of targets) {
  test(`a ${target.name} that was changed by chance is read or refused, never anything else`, () =>
    fuzz(target, 1, 500))
}
