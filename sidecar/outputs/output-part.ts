import type { OutputConfig } from '../config/output-model.js'
import type { Logger } from '../log/logger.js'
import { Announcer, type AnnouncerStatus } from '../processes/announcer.js'
import { AgentJwtFeed } from './agent-jwt-feed.js'
import type { JwtFeed } from './jwt-material.js'
import type { FileStatus, OutputStatus } from './output-status.js'
import { Output } from './output.js'
import type { SvidFeed } from './svid-material.js'

export interface OutputPartOptions {
  readonly svid: SvidFeed
  /** Of the Workload API that issues the identity and its tokens; undefined without one. */
  readonly address: string | undefined
  readonly log: Logger
  /** Called when files changed and the hooks ran; must not throw. */
  readonly onTold: () => void
}

/** An output with what makes its tokens and who is told of its files. */
export class OutputPart {
  readonly config: OutputConfig
  readonly #output: Output
  readonly #announcer: Announcer
  readonly #jwt: JwtFeed | undefined
  #isTold = false

  private constructor(config: OutputConfig, output: Output, announcer: Announcer, jwt: JwtFeed | undefined) {
    this.config = config
    this.#output = output
    this.#announcer = announcer
    this.#jwt = jwt
  }

  /** Writes nothing before `start`. Throws `OutputError` when the directory is missing or not writable. */
  static async open(config: OutputConfig, options: OutputPartOptions): Promise<OutputPart> {
    const { svid, log, onTold } = options
    const told = () => {
      part.#isTold = true
      onTold()
    }
    const announcer = new Announcer(config, log, told)
    const jwt = openJwtFeed(config, options)
    const onPlaced = (changed: boolean) => (changed ? announcer.announce() : told())
    const output = await Output.open(config, { svid, jwt, log, onPlaced })
    const part = new OutputPart(config, output, announcer, jwt)
    return part
  }

  start(): void {
    this.#output.start()
  }

  /** Whether a program may begin: the files are there and the hooks ran. */
  get isPlaced(): boolean {
    return this.#isTold && this.#output.isPlaced
  }

  isAlive(): boolean {
    return this.#output.isAlive()
  }

  review(): Promise<void> {
    return this.#output.review()
  }

  status(): OutputStatus & AnnouncerStatus {
    return { ...this.#output.status(), ...this.#announcer.status() }
  }

  fileStatuses(): readonly FileStatus[] {
    return this.#output.fileStatuses()
  }

  /** The files stay. */
  async close(): Promise<void> {
    await this.#output.close()
    await this.#jwt?.close()
    await this.#announcer.close()
  }
}

function openJwtFeed(config: OutputConfig, { address, svid, log }: OutputPartOptions): JwtFeed | undefined {
  const { jwtSvids: svids, jwtBundleFileName, jwksFileName, spiffeBundleFileName } = config
  const bundles = [jwtBundleFileName, jwksFileName, spiffeBundleFileName].some((name) => name !== undefined)
  if (svids.length === 0 && !bundles) return undefined
  if (address === undefined)
    throw new TypeError(`output "${config.name}" wants tokens, and no Workload API issues them`)
  return new AgentJwtFeed({ address, svids, bundles, svid, log: log.with({ output: config.name }) })
}
