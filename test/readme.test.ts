import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { repositoryRoot } from './repository-root.js'
import { freePort, svidecar, temporaryFolder, until } from './scenarios/running-sidecar.js'

const entry = join(repositoryRoot, 'dist', 'bin', 'main.js')

/** The files README has its reader write with here-documents, by name. */
function filesOfReadme(): ReadonlyMap<string, string> {
  const readme = readFileSync(join(repositoryRoot, 'README.md'), 'utf8')
  const documents = readme.matchAll(/^ {4}cat > (\S+) <<'?EOF'?\n(.*?)^ {4}EOF$/gms)
  return new Map([...documents].map(([, name = '', body = '']) => [name, body.replace(/^ {4}/gm, '')]))
}

function start(t: TestContext, folder: string, config: string): void {
  const child = spawn(process.execPath, [entry, 'run', '--config', config], { cwd: folder, stdio: 'ignore' })
  t.after(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
  })
}

test("README's first configuration carries a request", async (t) => {
  const folder = temporaryFolder(t)
  const backend = createServer((_, response) => response.end('hello'))
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
  t.after(() => backend.close())
  const { port } = backend.address() as { port: number }
  // README's ports may be taken on the machine of a test.
  const ports = new Map([
    ['8000', port],
    ['8443', await freePort()],
    ['8080', await freePort()],
  ])
  const files = filesOfReadme()
  assert.deepEqual([...files.keys()], ['entries.hcl', 'server.conf', 'client.conf'])
  for (const [name, body] of files) {
    const withPorts = body.replace(/127\.0\.0\.1:(\d+)/g, (_, written: string) => `127.0.0.1:${ports.get(written)}`)
    writeFileSync(join(folder, name), withPorts.replace('$(id -u)', String(process.getuid?.())))
  }
  for (const config of ['server.conf', 'client.conf']) {
    const { status, stderr } = await svidecar(['validate', '--config', config], { cwd: folder })
    assert.equal(status, 0, stderr)
  }
  start(t, folder, 'server.conf')
  start(t, folder, 'client.conf')
  const health = async (config: string) =>
    (await svidecar(['health', '--config', config], { cwd: folder })).status === 0
  await until('both are healthy', async () =>
    (await health('server.conf')) && (await health('client.conf')) ? true : undefined,
  )
  const answer = await fetch(`http://127.0.0.1:${ports.get('8080')}/`)
  assert.equal(await answer.text(), 'hello')
  const inspected = await svidecar(['inspect', 'lab.sock'], { cwd: folder })
  assert.equal(inspected.status, 0, inspected.stderr)
  assert.match(inspected.stdout, /spiffe:\/\/lab\.test\/curl/)
})

test("README's links lead somewhere", () => {
  const readme = readFileSync(join(repositoryRoot, 'README.md'), 'utf8')
  for (const [, target = ''] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
    assert.doesNotThrow(() => readFileSync(join(repositoryRoot, target)), target)
  }
})
