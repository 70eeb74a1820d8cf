import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger, errorText, type LogFormat } from '../../../sidecar/log/logger.js'
import type { LineSink } from '../../../sidecar/log/line-writer.js'

const hostileId = 'spiffe://a.test/x\n{"level":"info"}\u001b[2J\u009b31m\u202egpj.exe\u2028\u007f'

function recording(): LineSink & { readonly lines: string[] } {
  const lines: string[] = []
  return { lines, lostLines: 0, writeLine: (line) => lines.push(line), flush: async () => undefined }
}

function logHostile(format: LogFormat): string {
  const sink = recording()
  createLogger(sink, { level: 'info', format }).warn(`refused ${hostileId}`, { peer: hostileId, [hostileId]: 1 })
  assert.equal(sink.lines.length, 1)
  return sink.lines[0]!
}

for (const format of ['json', 'text'] as const) {
  test(`a hostile peer ID is still one inert line in the ${format} format`, () => {
    const line = logHostile(format)
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/)
  })
}

test('a hostile peer ID survives the JSON format unchanged for whoever parses it', () => {
  const { peer } = JSON.parse(logHostile('json')) as { peer: string }
  assert.equal(peer, hostileId)
})

test('lines below the level are not written', () => {
  const sink = recording()
  const log = createLogger(sink, { level: 'warn', format: 'json' })
  log.debug('a')
  log.info('b')
  log.warn('c')
  log.error('d')
  assert.deepEqual(
    sink.lines.map((line) => (JSON.parse(line) as { message: string }).message),
    ['c', 'd'],
  )
})

test('a bound field is on every line', () => {
  const sink = recording()
  createLogger(sink, { level: 'info', format: 'json' })
    .with({ tunnel: 'a' })
    .with({ identity: 'b' })
    .info('x', { port: 1 })
  const { time, ...rest } = JSON.parse(sink.lines[0]!) as Record<string, unknown>
  assert.equal(typeof time, 'string')
  assert.deepEqual(rest, { level: 'info', message: 'x', tunnel: 'a', identity: 'b', port: 1 })
})

test('an error is told with its causes, each once', () => {
  const error = new Error('cannot open', { cause: new Error('connect ENOENT', { cause: new Error('connect ENOENT') }) })
  assert.equal(errorText(error), 'cannot open: connect ENOENT')
})

test('a cause that points at itself ends', () => {
  const error = new Error('loop')
  error.cause = error
  assert.equal(errorText(error), 'loop')
})
