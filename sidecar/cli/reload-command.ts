import { adminPaths, type ReloadAnswer } from '../admin/admin-protocol.js'
import { adminFlags, withAdminAnswer } from './admin-flags.js'
import type { Command } from './command.js'
import { exitCodes } from './exit-code.js'

export const reloadCommand: Command = {
  description:
    'Unchanged tunnels keep socket and connections, a changed one keeps its socket, a removed one drains.\nWhen any new part cannot start, nothing changes.',
  flags: adminFlags,
  positionals: { min: 0, max: 0 },
  run(context) {
    return withAdminAnswer(context, { method: 'POST', path: adminPaths.reload }, ({ body }) => {
      const { succeeded, faults } = body as ReloadAnswer
      if (succeeded) context.stdout.write('reloaded\n')
      else context.stderr.write(`${[...faults, 'the reload was refused and changed nothing'].join('\n')}\n`)
      return succeeded ? exitCodes.success : exitCodes.fault
    })
  },
}
