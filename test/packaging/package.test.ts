import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, mkdir, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { SoftHsm, softHsmMissing } from '../devices/softhsm.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const nobody = 65_534

interface PackageDescription {
  readonly version: string
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly scripts?: Readonly<Record<string, string>>
}

let folder: string
let installed: string
let description: PackageDescription

async function describe(path: string): Promise<PackageDescription> {
  const parsed: PackageDescription = JSON.parse(await readFile(path, 'utf8'))
  return parsed
}

/** Without what an outer npm put there: its settings would reach ours. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_')))
}

async function find(program: string): Promise<string> {
  for (const path of (process.env['PATH'] ?? '').split(delimiter)) {
    const found = await realpath(join(path, program)).catch(() => undefined)
    if (found !== undefined) return found
  }
  throw new Error(`"${program}" is not in PATH`)
}

/** A PATH with Node and npm and nothing else, and a shell that leaves a trace: npm runs install scripts with it. */
async function bareMachine(): Promise<NodeJS.ProcessEnv> {
  const bin = join(folder, 'bin')
  await mkdir(bin)
  await symlink(process.execPath, join(bin, 'node'))
  await symlink(await find('npm'), join(bin, 'npm'))
  await writeFile(join(bin, 'tracing-shell'), `#!/bin/sh\necho "$@" >> ${join(folder, 'scripts-run')}\n`, {
    mode: 0o755,
  })
  return {
    PATH: bin,
    HOME: join(folder, 'home'),
    npm_config_cache: join(folder, 'cache'),
    npm_config_script_shell: join(bin, 'tracing-shell'),
    npm_config_update_notifier: 'false',
  }
}

async function packAndInstall(): Promise<void> {
  await run('npm', ['pack', '--pack-destination', folder], { cwd: root, env: ownEnvironment() })
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))
  assert.ok(tarball !== undefined, 'npm pack wrote a tarball')
  const env = await bareMachine()
  const prefix = join(folder, 'prefix')
  await run('npm', ['install', '--offline', '--global', '--prefix', prefix, join(folder, tarball)], {
    cwd: folder,
    env,
  })
  installed = join(prefix, 'lib', 'node_modules', 'svidecar')
}

/** Runs the installed package from an empty folder, as nobody when this process may choose. */
async function runInstalled(args: readonly string[]): Promise<string> {
  const empty = await mkdtemp(join(folder, 'empty-'))
  await chmod(empty, 0o755)
  const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}
  const { stdout } = await run(process.execPath, args, { cwd: empty, env: { PATH: join(folder, 'bin') }, ...user })
  return stdout
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'svidecar-package-'))
  await chmod(folder, 0o755)
  description = await describe(join(root, 'package.json'))
  await packAndInstall()
})

after(() => rm(folder, { recursive: true, force: true }))

test('the package installs with neither network, cargo nor a C compiler, and its command says its version', async () => {
  const command = await realpath(join(folder, 'prefix', 'bin', 'svidecar'))
  assert.match(await runInstalled([command, '--version']), new RegExp(description.version.replaceAll('.', '\\.')))
})

test('the installed command prints its help', async () => {
  assert.match(await runInstalled([join(installed, 'dist', 'sidecar', 'main.js'), '--help']), /svidecar run/)
})

test('nothing that is installed runs an install script', async () => {
  await assert.rejects(readFile(join(folder, 'scripts-run')), { code: 'ENOENT' })
  const names = await readdir(installed, { recursive: true })
  assert.deepEqual(
    names.filter((name) => name.endsWith('binding.gyp')),
    [],
  )
  for (const name of names.filter((path) => path.endsWith('package.json'))) {
    const { scripts = {} } = await describe(join(installed, name))
    const found = ['preinstall', 'install', 'postinstall'].filter((script) => scripts[script] !== undefined)
    assert.deepEqual(found, [], `${name} has no install script`)
  }
})

test('every entry of the package can be imported and has its types', async () => {
  const probe = join(dirname(dirname(installed)), 'probe.mjs')
  await writeFile(probe, 'console.log(Object.keys(await import(process.argv[2])).length)\n')
  const entries = Object.entries(description.exports).filter(([name]) => !name.endsWith('.json'))
  for (const [name, entry] of entries) {
    assert.ok(typeof entry === 'object')
    assert.ok(Number(await runInstalled([probe, name.replace(/^\./, 'svidecar')])) > 0, `${name} exports something`)
    assert.match(await readFile(join(installed, entry.types), 'utf8'), /export/)
  }
})

test('the addon loads from the installed package and has its version', async () => {
  const probe = join(dirname(dirname(installed)), 'probe-addon.mjs')
  await writeFile(probe, 'console.log((await import(process.argv[2])).version)\n')
  const version = await runInstalled([probe, join(installed, 'dist', 'native', 'index.js')])
  assert.equal(version.trim(), description.version)
})

test('the installed package keeps keys in a PKCS#11 token, with what it brings along', async (context) => {
  if (softHsmMissing !== undefined) return context.skip(softHsmMissing)
  const hsm = new SoftHsm()
  context.after(() => hsm.remove())
  hsm.initToken('edge')
  const probe = join(dirname(dirname(installed)), 'probe-pkcs11.mjs')
  await writeFile(probe, pkcs11Probe)
  const settings = JSON.stringify(hsm.settings('edge'))
  const env = { PATH: join(folder, 'bin'), ...hsm.environment }
  const { stdout } = await run(process.execPath, [probe, settings], { env })
  assert.equal(stdout.trim(), 'generated in Pkcs11')
})

const pkcs11Probe = `
import { generatePrivateKey, openProvider } from 'svidecar/parsec-core'
const provider = await openProvider({ name: 'hsm', type: 'Pkcs11', settings: JSON.parse(process.argv[2]) })
const signer = await generatePrivateKey(provider, { applicationIdentity: 'packaging', keyName: 'one' }, 'ec-p256')
await signer.sign('EcdsaSha256', Buffer.from('a message'))
console.log(signer.residency)
await provider.close()
`

test('the package carries neither tests, nor sources, nor build leftovers', async () => {
  const own = (await readdir(installed, { recursive: true })).filter((name) => !name.startsWith('node_modules'))
  assert.deepEqual(
    own.filter((name) => name.startsWith(join('dist', 'test'))),
    [],
  )
  assert.deepEqual(
    own.filter((name) => /(?<!\.d)\.ts$|\.rs$|\.dwp$|\.new$|tsbuildinfo$/.test(name)),
    [],
  )
})

test('the addon for TPMs is in the package where it was built', async (context) => {
  const addonsOf = async (folder: string) =>
    (await readdir(join(folder, 'dist', 'native'))).filter((name) => /^tpm\..*\.node$/u.test(name))
  const built = await addonsOf(root)
  if (built.length === 0 && process.env['CI'] !== 'true') return context.skip('libtss2-dev is not installed')
  assert.equal(built.length, 1)
  assert.deepEqual(await addonsOf(installed), built)
})
