import { authorityCommand } from './authority-command.js'
import type { Command } from './command.js'
import { demoCommand } from './demo-command.js'
import { healthCommand } from './health-command.js'
import { inspectCommand } from './inspect-command.js'
import { reloadCommand } from './reload-command.js'
import { runCommand } from './run-command.js'
import { statusCommand } from './status-command.js'
import { validateCommand } from './validate-command.js'

/** Every command, in the order help lists them. */
export const commands: readonly Command[] = [
  runCommand,
  validateCommand,
  statusCommand,
  healthCommand,
  reloadCommand,
  inspectCommand,
  authorityCommand,
  demoCommand,
]
