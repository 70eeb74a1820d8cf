import { demo } from '../demo/demo.js'
import { demoProviders, type DemoProvider } from '../demo/keys/demo-keys.js'
import { booleanFlag, type Command, type FlagValues, textFlag, UsageError } from './command.js'

export const demoCommand: Command = {
  description: [
    'Needs nothing but this program; runs on loopback in a temporary folder and ends by itself within a minute.',
    'Private keys are held by the best provider the machine has: a TPM in software (swtpm), a token of SoftHSM, or else',
    'the memory of the sidecars. Devices are set up in the temporary folder; real ones are not touched.',
  ].join('\n'),
  flags: [
    { name: 'provider', kind: 'text', placeholder: 'PROVIDER', help: `this one: ${demoProviders.join(', ')}` },
    { name: 'keep', kind: 'boolean', help: 'leave everything running afterwards, and say how to look at it' },
  ],
  positionals: { min: 0, max: 0 },
  run(context) {
    return demo({
      provider: providerOf(context.flags),
      keep: booleanFlag(context.flags, 'keep') ?? false,
      print: (text) => void context.stdout.write(`${text}\n`),
    })
  },
}

function providerOf(flags: FlagValues): DemoProvider | undefined {
  const given = textFlag(flags, 'provider')
  const provider = demoProviders.find((name) => name === given)
  if (given !== undefined && provider === undefined) {
    throw new UsageError(`-provider is one of ${demoProviders.join(', ')}, not "${given}"`)
  }
  return provider
}
