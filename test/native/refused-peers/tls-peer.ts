/** The peer for what no common program sends: `test/tls-peer`. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
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

const crate = join(repositoryRoot, 'test', 'tls-peer')
const target = process.env.CARGO_TARGET_DIR ?? join(repositoryRoot, 'target')
const executable = join(target, 'release', 'svidecar-tls-peer')

function isNewest(): boolean {
  const built = statSync(executable, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return readdirSync(join(crate, 'src')).every((file) => statSync(join(crate, 'src', file)).mtimeMs <= built)
}

/**
 * Builds the peer unless the Rust tests have: cargo would wait for any other build of the same folder, and a test must
 * not. The whole workspace is named so that its dependencies are the addon's, already compiled.
 */
export function buildTlsPeer(): void {
  if (isNewest()) return
  const options = ['build', '--release', '--locked', '--workspace', '--bin', 'svidecar-tls-peer']
  const { status, stderr } = spawnSync('cargo', options, { cwd: repositoryRoot, encoding: 'utf8' })
  if (status !== 0) throw new Error(`the TLS peer cannot be built: ${stderr}`)
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
    this.#child = spawn(executable, [role, address, chain, key, ...rest], { stdio: ['ignore', 'pipe', 'inherit'] })
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
