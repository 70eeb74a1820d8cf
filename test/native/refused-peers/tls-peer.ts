/** The peer for what no common program sends: `test/tls-peer`. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

import { repositoryRoot } from '../../repository-root.js'

/** One line that the peer prints. */
export interface PeerReport {
  readonly port?: number
  readonly alert?: number
  readonly received?: string
  readonly error?: string
}

interface Artifact {
  readonly reason: string
  readonly executable?: string | null
}

let executable: string | undefined

/** Builds the peer once. The whole workspace is named so that its dependencies are the addon's, already compiled. */
export function buildTlsPeer(): string {
  if (executable !== undefined) return executable
  const options = ['build', '--release', '--locked', '--workspace', '--bin', 'svidecar-tls-peer']
  const built = spawnSync('cargo', [...options, '--message-format', 'json'], { cwd: repositoryRoot, encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`the TLS peer cannot be built: ${built.stderr}`)
  for (const line of built.stdout.split('\n').filter((text) => text.startsWith('{'))) {
    const artifact: Artifact = JSON.parse(line)
    if (artifact.reason === 'compiler-artifact' && artifact.executable) executable = artifact.executable
  }
  if (executable === undefined) throw new Error('cargo named no executable of the TLS peer')
  return executable
}

/** A running peer: its lines as they come, and its end. */
export class TlsPeer implements Disposable {
  readonly #child: ChildProcessByStdio<null, Readable, null>
  readonly #folder: string
  readonly #lines: AsyncIterator<string>

  /** `role` is `client` or `server`; an empty chain sends no certificate. `segment`: bytes that leave at a time. */
  constructor(role: 'client' | 'server', address: string, chainPem: string, keyPem: string, segment?: number) {
    this.#folder = mkdtempSync(join(tmpdir(), 'svidecar-peer-'))
    const [chain, key] = [join(this.#folder, 'chain.pem'), join(this.#folder, 'key.pem')]
    writeFileSync(chain, chainPem)
    writeFileSync(key, keyPem, { mode: 0o600 })
    const rest = segment === undefined ? [] : [String(segment)]
    this.#child = spawn(buildTlsPeer(), [role, address, chain, key, ...rest], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async report(): Promise<PeerReport> {
    const line = await this.#lines.next()
    if (line.done === true) throw new Error('the TLS peer ended without a report')
    const report: PeerReport = JSON.parse(line.value)
    return report
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
