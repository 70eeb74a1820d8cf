import { adminPaths, type HealthAnswer } from '../admin/admin-protocol.js'
import { adminFlags, withAdminAnswer } from './admin-flags.js'
import type { Command } from './command.js'
import { exitCodes } from './exit-code.js'

export const healthCommand: Command = {
  flags: adminFlags,
  positionals: { min: 0, max: 0 },
  run(context) {
    return withAdminAnswer(context, { method: 'GET', path: adminPaths.health }, ({ body }) => {
      const { ready, problems } = body as HealthAnswer
      context.stdout.write(`${ready ? 'ready' : ['not ready', ...problems].join('\n')}\n`)
      return ready ? exitCodes.success : exitCodes.fault
    })
  },
}
