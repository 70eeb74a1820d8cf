import { adminPaths } from '../admin/admin-protocol.js'
import { formatStatus } from '../admin/format-status.js'
import type { Status } from '../admin/status.js'
import { adminFlags, withAdminAnswer } from './admin-flags.js'
import { booleanFlag, type Command } from './command.js'
import { exitCodes } from './exit-code.js'

export const statusCommand: Command = {
  flags: [...adminFlags, { name: 'json', kind: 'boolean', help: 'as JSON, for programs' }],
  positionals: { min: 0, max: 0 },
  run(context) {
    return withAdminAnswer(context, { method: 'GET', path: adminPaths.status }, ({ body }) => {
      const status = body as Status
      const asJson = booleanFlag(context.flags, 'json') === true
      context.stdout.write(`${asJson ? JSON.stringify(status, undefined, 2) : formatStatus(status, Date.now())}\n`)
      return exitCodes.success
    })
  },
}
