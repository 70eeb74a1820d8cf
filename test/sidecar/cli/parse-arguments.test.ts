import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FlagDescriptor, UsageError } from '../../../sidecar/cli/command.js'
import { parseArguments } from '../../../sidecar/cli/parse-arguments.js'

const flags: readonly FlagDescriptor[] = [
  { name: 'config', kind: 'text', help: '' },
  { name: 'daemon-mode', kind: 'boolean', help: '' },
  { name: 'wait', kind: 'duration', help: '' },
]

const accepted: readonly [args: string[], values: Record<string, unknown>, positionals: string[]][] = [
  [['-config', 'a.conf'], { config: 'a.conf' }, []],
  [['-config=a.conf'], { config: 'a.conf' }, []],
  [['--config=a=b'], { config: 'a=b' }, []],
  [['--config='], { config: '' }, []],
  [['-daemon-mode'], { 'daemon-mode': true }, []],
  [['-daemon-mode=false'], { 'daemon-mode': false }, []],
  [['-daemon-mode', 'false'], { 'daemon-mode': true }, ['false']],
  [['--wait', '1m30s'], { wait: 90_000 }, []],
  [['a', '--', '-config', 'b'], {}, ['a', '-config', 'b']],
]

for (const [args, values, positionals] of accepted) {
  test(`reads ${JSON.stringify(args)} as Go's flag package does`, () => {
    const parsed = parseArguments(args, flags)
    assert.deepEqual(Object.fromEntries(parsed.flags), values)
    assert.deepEqual(parsed.positionals, positionals)
  })
}

const refused: readonly [args: string[], message: RegExp][] = [
  [['-nope'], /unknown flag -nope/],
  [['-config'], /-config needs a value/],
  [['-daemon-mode=maybe'], /takes true or false/],
  [['-wait', 'soon'], /takes a duration/],
]

for (const [args, message] of refused) {
  test(`refuses ${JSON.stringify(args)} and says why`, () => {
    assert.throws(
      () => parseArguments(args, flags),
      (error) => error instanceof UsageError && message.test(error.message),
    )
  })
}
