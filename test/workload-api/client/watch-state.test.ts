import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WatchLifecycle, type WatchState } from '../../../workload-api/client/watch-state.js'
import { SpiffeError } from '../../../workload-api/index.js'

const error = new SpiffeError('ERR_WORKLOAD_API_UNAVAILABLE', 'gone')
const examples: readonly WatchState[] = [
  { kind: 'connecting' },
  { kind: 'streaming' },
  { kind: 'waiting', error, retryAt: new Date() },
  { kind: 'closed' },
]
/** The path that leads a fresh watch to each state. */
const paths: Readonly<Record<string, readonly WatchState[]>> = {
  idle: [],
  connecting: examples.slice(0, 1),
  streaming: examples.slice(0, 2),
  waiting: [examples[0]!, examples[2]!],
  closed: [examples[3]!],
}
/** The table in the documentation of WatchState. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  idle: ['connecting', 'closed'],
  connecting: ['streaming', 'waiting', 'closed'],
  streaming: ['streaming', 'connecting', 'waiting', 'closed'],
  waiting: ['connecting', 'closed'],
  closed: [],
}

for (const [from, path] of Object.entries(paths)) {
  for (const next of examples) {
    const may = allowed[from]!.includes(next.kind)
    test(`a watch ${may ? 'goes' : 'never goes'} from ${from} to ${next.kind}`, () => {
      const told: WatchState[] = []
      const lifecycle = new WatchLifecycle((state) => told.push(state))
      for (const state of path) lifecycle.to(state)
      if (!may) assert.throws(() => lifecycle.to(next), TypeError)
      else lifecycle.to(next)
      assert.deepEqual(told, may ? [...path, next] : path)
    })
  }
}
