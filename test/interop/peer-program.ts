import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { repositoryRoot } from '../repository-root.js'

/** What a peer printed and how it ended. */
export interface PeerResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const built = join(repositoryRoot, 'target', 'interop')

/** The peers in other languages, as `scripts/interop.mjs` builds them: the words of their command line. */
const programs = {
  go: { words: [join(built, 'go', 'peer')], needs: 'Go 1.25 or newer' },
  python: {
    words: [join(built, 'python', 'bin', 'python'), join(repositoryRoot, 'test', 'interop', 'python', 'peer.py')],
    needs: 'Python 3.10 or newer with venv',
  },
  rust: { words: [join(built, 'rust', 'release', 'peer')], needs: 'what `npm run test:full` builds with cargo' },
} as const satisfies Record<string, { readonly words: readonly [string, ...string[]]; readonly needs: string }>

export type PeerLanguage = keyof typeof programs

/** For `skip`: why a peer is not there. Never under CI, where it then fails by not being found. */
export function peerMissing(language: PeerLanguage): string | false {
  const { words, needs } = programs[language]
  return !existsSync(words[0]) && process.env['CI'] !== 'true' && `needs a peer's toolchain: ${needs}`
}

/** Runs one command of a peer to its end. */
export async function runPeer(language: PeerLanguage, args: readonly string[]): Promise<PeerResult> {
  const child = start(language, args)
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => (stdout += String(chunk)))
  child.stderr?.on('data', (chunk: Buffer) => (stderr += String(chunk)))
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { status, stdout, stderr }
}

/** Starts a peer that serves until the test ends; resolves with the address it printed. */
export async function startPeer(t: TestContext, language: PeerLanguage, args: readonly string[]): Promise<string> {
  const child = start(language, args)
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  t.after(async () => {
    child.kill('SIGKILL')
    await closed
  })
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => (stderr += String(chunk)))
  return new Promise((resolve, reject) => {
    if (child.stdout) createInterface({ input: child.stdout }).once('line', resolve)
    child.once('error', reject)
    child.once('close', (status) => reject(new Error(`the peer ended (${status}): ${stderr}`)))
  })
}

function start(language: PeerLanguage, args: readonly string[]): ChildProcess {
  const [command, ...words] = programs[language].words
  return spawn(command, [...words, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
}
