import { loadConfig } from '../config/index.js'
import { run } from '../supervisor/run.js'
import { booleanFlag, type Command, durationFlag } from './command.js'
import { configFlag, configPath, explainFaults } from './config-flag.js'
import { exitCodes } from './exit-code.js'
import { logFlags, openLog } from './log-flags.js'

export const runCommand: Command = {
  description: [
    'Runs until SIGTERM or SIGINT, which let connections end within shutdown_timeout; a second one ends at once.',
    'SIGHUP reads the file again. With -daemon-mode=false everything is obtained and written once, nothing listens.',
  ].join('\n'),
  flags: [
    configFlag,
    {
      name: 'daemon-mode',
      kind: 'boolean',
      help: 'false: obtain every identity and write every file once, then exit (default true, or daemon_mode of the file)',
    },
    {
      name: 'wait',
      kind: 'duration',
      placeholder: 'DURATION',
      help: 'exit with 3 when an identity is missing after this time (default: never; 1m with -daemon-mode=false)',
    },
    ...logFlags,
  ],
  positionals: { min: 0, max: 0 },
  async run(context) {
    const { logger, sink } = openLog(context.flags)
    const daemonMode = booleanFlag(context.flags, 'daemon-mode')
    const options = { env: context.env, ...(daemonMode !== undefined && { daemonMode }) }
    const load = () => loadConfig(configPath(context), options)
    const config = await explainFaults(context, load)
    if (config === undefined) return exitCodes.fault
    let isFinished = true
    const status = await run(config, {
      loadConfig: load,
      log: logger,
      lostLogLines: () => sink.lostLines,
      onUnfinished: () => void (isFinished = false),
      waitMs: durationFlag(context.flags, 'wait'),
    })
    await sink.flush()
    if (!isFinished) process.kill(process.pid, 'SIGKILL')
    return status
  },
}
