import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { Certificates } from '../certificates.js'

/** What a proxy is to do. Addresses are `IP:PORT` or `unix:PATH`. */
export interface Role {
  /** server: mutual TLS in, plaintext out; client: the other way round. */
  readonly mode: 'server' | 'client'
  readonly listen: string
  readonly target: string
  readonly certificates: Certificates
  /** Who is let in, where the proxy can tell: a SPIFFE ID, or one that ends in `/*`, any last segment. */
  readonly allowed: string
  /** An own, empty folder for configuration and sockets. */
  readonly folder: string
}

export interface Command {
  readonly command: string
  readonly args: readonly string[]
}

/** How to start a proxy in the foreground, and what it needs beside it while it runs. */
export class Prepared implements Command, AsyncDisposable {
  constructor(
    readonly command: string,
    readonly args: readonly string[],
    private readonly beside?: AsyncDisposable,
  ) {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.beside?.[Symbol.asyncDispose]()
  }
}

/** A proxy that can be measured. Every one is set up for the same work; the rules are in README.md. */
export interface Proxy {
  readonly name: string
  /** What the other end offers; X25519 when not given. */
  readonly keyExchange?: 'X25519MLKEM768'
  /** It differs from another column in its handshakes alone, so nothing else is measured. */
  readonly handshakesOnly?: true
  /** What it says of itself; undefined when it is not on this machine. */
  version(): Promise<string | undefined>
  /** Writes its configuration and starts what must stand beside it. */
  prepare(role: Role): Promise<Prepared>
}

/** Where a program is: PATH and the folders of system daemons. */
export async function findProgram(name: string): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  for (const folder of folders.filter((path) => path !== '')) {
    const path = join(folder, name)
    const found = await access(path).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return undefined
}

/** The first line that matches, of all that the program prints. */
export async function askVersion(path: string, args: readonly string[], pattern: RegExp): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(path, args)
  return pattern.exec(stdout + stderr)?.[0] ?? 'unknown version'
}
