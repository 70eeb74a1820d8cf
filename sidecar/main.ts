#!/usr/bin/env node
import { commands } from './cli/commands.js'
import { main } from './cli/main.js'

process.exitCode = await main(process.argv.slice(2), commands, process)
