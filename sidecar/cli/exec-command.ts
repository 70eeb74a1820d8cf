import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Config, loadConfig, parseConfig, workloadApiAddressOf } from '../config/index.js'
import { exec } from '../supervisor/exec.js'
import { type Command, type CommandContext, durationFlag, textFlag } from './command.js'
import { configFlag, configPath, explainFaults } from './config-flag.js'
import { exitCodes } from './exit-code.js'
import { logFlags, openLog } from './log-flags.js'

const defaultWaitMs = 60_000

/** The file, or without one what its defaults say: the identity the agent gives. */
async function load(context: CommandContext): Promise<Config> {
  const options = { env: context.env, daemonMode: true, forProgram: true } as const
  const isGiven = textFlag(context.flags, 'config') !== undefined
  if (!isGiven && !(await exists(configPath(context)))) return parseConfig('', { ...options, path: 'no file' })
  return loadConfig(configPath(context), options)
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

/** The program of the command line in the place of the file's own. */
function withProgram(config: Config, command: readonly string[]): Config {
  return { ...config, process: { command, restart: 'never', ...config.program } }
}

/** Where the program finds the Workload API: ours when the file has one, else the agent's. */
function environmentOf({ workloadApi, identities }: Config): NodeJS.ProcessEnv {
  if (workloadApi !== undefined) return { SPIFFE_ENDPOINT_SOCKET: `unix://${resolve(workloadApi.listen.path)}` }
  const [first] = identities
  if (first === undefined) return {}
  const address = workloadApiAddressOf(first)
  if (address === undefined) return {}
  return { SPIFFE_ENDPOINT_SOCKET: address.startsWith('/') ? `unix://${address}` : address }
}

export const execCommand: Command = {
  arguments: '-- PROGRAM [ARGUMENT…]',
  description: [
    'Starts the program when every identity is usable and every file written, sets SPIFFE_ENDPOINT_SOCKET for it, passes',
    'signals on to it, tells it of new files by renew_signal, and exits with its status. Its standard input and output are',
    'ours; the log goes to standard error. As process 1 of a container it ends all of its own group, and does not reap',
    'processes that others left to it: where a program leaves such, start the container with an init (docker run --init).',
  ].join('\n'),
  flags: [
    { ...configFlag, help: 'the configuration (default helper.conf; without one the identity the agent gives)' },
    {
      name: 'wait',
      kind: 'duration',
      placeholder: 'DURATION',
      help: 'exit with 3 when an identity is missing after this time (default 1m)',
    },
    ...logFlags,
  ],
  positionals: { min: 1, max: Infinity },
  async run(context) {
    const { logger, sink } = openLog(context.flags)
    const config = await explainFaults(context, async () => withProgram(await load(context), context.positionals))
    if (config === undefined) return exitCodes.fault
    const status = await exec(config, {
      log: logger,
      loadConfig: async () => withProgram(await load(context), context.positionals),
      lostLogLines: () => sink.lostLines,
      waitMs: durationFlag(context.flags, 'wait') ?? defaultWaitMs,
      env: environmentOf(config),
    })
    await sink.flush()
    return status
  },
}
