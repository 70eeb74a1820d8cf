import { demo } from '../demo/demo.js'
import { booleanFlag, type Command } from './command.js'

export const demoCommand: Command = {
  description:
    'Needs nothing but this program; runs on loopback in a temporary folder and ends by itself within a minute.',
  flags: [{ name: 'keep', kind: 'boolean', help: 'leave everything running afterwards, and say how to look at it' }],
  positionals: { min: 0, max: 0 },
  run(context) {
    return demo({
      keep: booleanFlag(context.flags, 'keep') ?? false,
      print: (text) => void context.stdout.write(`${text}\n`),
    })
  },
}
