import type { AdminConfig, IdentityConfig, KeyProviderConfig } from '../model.js'
import type { HealthConfig, OutputConfig, ProcessConfig } from '../output-model.js'
import type { Position } from '../faults.js'
import type { Blocks } from '../schema/read-document.js'
import type { Fields, Reading } from '../schema/spec.js'
import type { blockTables, topLevelKeys } from '../tables/index.js'
import { healthChecksOf } from './health-checks.js'
import { helperOutputName, helperOutputOf, spelledKeysOf, wantsHelperOutput, type HelperFile } from './helper-output.js'
import type { ListenAddresses } from './listeners.js'
import { OutputIdentities } from './output-identities.js'
import { OutputPaths } from './output-paths.js'
import { outputOf } from './outputs.js'
import { processOf, programOf } from './process.js'
import type { Labels } from './references.js'
import { workloadApiOf } from './workload-api.js'

type Top = Fields<typeof topLevelKeys>
type FileBlocks = Blocks<typeof blockTables>

/** What the file does for a workload beside it: files, a program, probes, the Workload API. */
export interface WorkloadConfig {
  readonly outputs: readonly OutputConfig[]
  readonly process: ProcessConfig | undefined
  readonly program: Omit<ProcessConfig, 'command' | 'restart'>
  readonly health: HealthConfig | undefined
  readonly workloadApi: AdminConfig | undefined
  /** False: obtain and write everything once and end. */
  readonly daemonMode: boolean
}

/** What was made of the file's other blocks. */
export interface WorkloadContext {
  readonly labels: Labels
  readonly identities: readonly IdentityConfig[]
  readonly keyProviders: readonly KeyProviderConfig[]
  readonly listeners: ListenAddresses
  /** Where the file begins. */
  readonly at: Position
  /** What the command line says; it counts before the file. */
  readonly daemonMode: boolean | undefined
  readonly forProgram: boolean
}

/** Whether anything of this needs an identity, so that a file without identity blocks has its default one. */
export function wantsIdentity(top: Top, blocks: FileBlocks): boolean {
  return blocks.output.length + blocks.workload_api.length > 0 || wantsHelperOutput(top) || isProgramAlone(top, blocks)
}

export function workloadOf(top: Top, blocks: FileBlocks, context: WorkloadContext, reading: Reading): WorkloadConfig {
  const { listeners, at, forProgram } = context
  const file = {
    top,
    at,
    spelled: spelledKeysOf(top, reading),
    daemonMode: daemonModeOf(top, context, reading),
    forProgram,
  }
  return {
    outputs: outputsOf(file, blocks, context, reading),
    process: processOf(file, reading),
    program: programOf(file),
    health: blocks.health_checks.map((block) => healthChecksOf(block, listeners, reading)).at(0),
    workloadApi: blocks.workload_api.map((block) => workloadApiOf(block, context.identities, listeners, reading)).at(0),
    daemonMode: file.daemonMode,
  }
}

function outputsOf(
  file: HelperFile,
  blocks: FileBlocks,
  context: WorkloadContext,
  reading: Reading,
): readonly OutputConfig[] {
  const identities = new OutputIdentities(context.labels, context.identities, context.keyProviders, reading)
  const paths = new OutputPaths(reading)
  const isHelper = wantsHelperOutput(file.top) || isProgramAlone(file.top, blocks)
  const helper = isHelper ? helperOutputOf(file, identities, paths, reading) : undefined
  const namesake = blocks.output.find(({ label }) => label === helperOutputName)
  if (isHelper && namesake !== undefined) {
    reading.faults.add(
      namesake.at,
      `"${helperOutputName}" is the output of the keys outside of blocks: choose another label`,
    )
  }
  const others = blocks.output.map((block) => outputOf(block, identities, paths, reading))
  return [helper, ...others].filter((output) => output !== undefined)
}

/** A file of spiffe-helper with a program and nothing to write, which gets spiffe-helper's message. */
function isProgramAlone(top: Top, blocks: FileBlocks): boolean {
  const others = [blocks.tunnel, blocks.output, blocks.authority, blocks.workload_api]
  return top.cmd.given && others.every(({ length }) => length === 0)
}

function daemonModeOf(top: Top, { daemonMode }: WorkloadContext, { warnings }: Reading): boolean {
  if (top.exit_when_ready.given) {
    warnings.add(top.exit_when_ready.at, 'exit_when_ready will be deprecated, should be used as daemon_mode = false')
  }
  return daemonMode ?? (top.exit_when_ready.value === true ? false : (top.daemon_mode.value ?? true))
}
