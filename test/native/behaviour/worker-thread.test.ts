import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'

import { startProgram } from './child-process.js'

async function exitOf(...args: string[]): Promise<unknown[]> {
  const child = startProgram('worker-child.js', args)
  child.disconnect()
  return once(child, 'exit')
}

test('load and unload in a worker thread', async (t) => {
  await t.test('as the only one', async () => assert.deepEqual(await exitOf(), [0, null]))
  await t.test('beside the main thread', async () => assert.deepEqual(await exitOf('beside'), [0, null]))
})
