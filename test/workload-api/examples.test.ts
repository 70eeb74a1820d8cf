import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { WorkloadApiClient } from '../../workload-api/index.js'
import { repositoryRoot } from '../repository-root.js'

let folder: string
let socket: string
const started: ChildProcess[] = []

/** A program of the project, and every line it printed. */
class Running {
  readonly lines: string[] = []
  readonly over: Promise<unknown>
  #rest = ''

  constructor(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [join(repositoryRoot, file), ...args], {
      env: { ...process.env, SPIFFE_ENDPOINT_SOCKET: `unix://${socket}`, ...env },
    })
    started.push(child)
    this.over = once(child, 'close')
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        const lines = `${this.#rest}${text}`.split('\n')
        this.#rest = lines.pop() ?? ''
        this.lines.push(...lines)
        this.#wake()
      })
    }
    child.on('close', () => this.#wake())
  }

  #wake: () => void = () => {}

  /** The first line that fits. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.lines.find((text) => pattern.test(text))
      if (line !== undefined) return line
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** Everything a program printed that ends by itself. */
  async output(): Promise<string> {
    await this.over
    return this.lines.join('\n')
  }
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'svidecar-'))
  socket = join(folder, 'lab.sock')
  const entries = await readFile(join(repositoryRoot, 'examples', 'node-https', 'entries.hcl'), 'utf8')
  await writeFile(join(folder, 'entries.hcl'), entries.replaceAll('uid = 1000', `uid = ${process.getuid?.() ?? 0}`))
  const flags = ['--trust_domain', 'lab.test', '--svid_ttl', '4s', '--registration_file', join(folder, 'entries.hcl')]
  const authority = new Running('dist/bin/main.js', ['authority', '--listen', `unix:${socket}`, ...flags])
  await authority.until(/listen|serv|ready/i)
})

after(async () => {
  for (const child of started) child.kill()
  await rm(folder, { recursive: true })
})

/** A server of an example on a port of its own. */
async function serve(example: string, name: string): Promise<{ readonly server: Running; readonly port: string }> {
  const server = new Running(`examples/${example}/server.js`, [name], { PORT: '0' })
  const line = await server.until(/listens on port/)
  assert.match(line, new RegExp(`^spiffe://lab.test/${name} `))
  return { server, port: line.split(' ').at(-1) ?? '' }
}

function ask(example: string, name: string, port: string): Promise<string> {
  return new Running(`examples/${example}/client.js`, [name], { PORT: port }).output()
}

for (const [example, refusal] of [
  ['node-https', /^no answer: (?:socket hang up|read ECONNRESET)$/],
  ['node-grpc', /^no answer: ./],
] as const) {
  describe(`the example ${example}`, () => {
    test('has what its README says: the same entries, an answer, and one after rotations', async () => {
      assert.equal(
        await readFile(join(repositoryRoot, 'examples', example, 'entries.hcl'), 'utf8'),
        await readFile(join(repositoryRoot, 'examples', 'node-https', 'entries.hcl'), 'utf8'),
      )
      const { port } = await serve(example, 'server')
      assert.equal(await ask(example, 'client', port), 'hello, spiffe://lab.test/client')
      await using client = new WorkloadApiClient({ address: socket })
      let first: Date | undefined
      // Until what the server began with has expired.
      for await (const { svids } of client.watchX509Context()) {
        first ??= svids[0]?.notAfter
        if (first !== undefined && first.getTime() < Date.now()) break
      }
      assert.equal(await ask(example, 'client', port), 'hello, spiffe://lab.test/client')
    })

    test('refuses a client that is a stranger, and says so where the server runs', async () => {
      const { server, port } = await serve(example, 'server')
      assert.match(await ask(example, 'stranger', port), refusal)
      const reason = 'refused: peer "spiffe://lab.test/stranger" is not authorized: not the one ID that is allowed'
      assert.equal(await server.until(/^refused/), reason)
    })

    test('refuses a server that is a stranger', async () => {
      const { port } = await serve(example, 'stranger')
      assert.match(await ask(example, 'client', port), /peer "spiffe:\/\/lab.test\/stranger" is not authorized/)
    })
  })
}
