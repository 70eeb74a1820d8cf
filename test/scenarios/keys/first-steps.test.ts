import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect, type ConnectionOptions } from 'node:tls'
import { SoftHsm, softHsmMissing } from '../../devices/softhsm.js'
import { freePortPair, swtpmMissing } from '../../devices/swtpm.js'
import { repositoryRoot } from '../../repository-root.js'
import { svidecar, temporaryFolder } from '../running-sidecar.js'
import { runKeyLab } from './lab-with-keys.js'

/** A code block of a section of parsec-core's README, as its reader copies it, with the places of this test in it. */
function fromReadme(section: string, language: string, places: Readonly<Record<string, string>>): string {
  const readme = readFileSync(join(repositoryRoot, 'parsec-core', 'README.md'), 'utf8')
  const text = readme.split(/^### /mu).find((part) => part.startsWith(`${section}\n`)) ?? ''
  const [, block] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'msu').exec(text) ?? []
  if (block === undefined) throw new Error(`README has no ${language} for ${section}`)
  return Object.entries(places).reduce((edited, [written, here]) => edited.replaceAll(written, here), block)
}

function shell(script: string, env: NodeJS.ProcessEnv): string {
  return execFileSync('sh', ['-ec', script], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: 'pipe',
    timeout: 60_000,
  })
}

/** Like `shell`, for what must not succeed; what was said. */
function shellFails(script: string, env: NodeJS.ProcessEnv): string {
  try {
    shell(script, env)
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
  throw new Error(`"${script}" succeeded`)
}

/** Of the SVID that the tunnel presents. */
function presentedKey(port: number, peer: ConnectionOptions): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...peer, host: '127.0.0.1', port }).once('error', reject)
    socket.once('secureConnect', () => {
      const key = socket.getPeerX509Certificate()?.publicKey
      socket.destroy()
      if (key) resolve(key)
      else reject(new Error('no certificate'))
    })
  })
}

async function statusText(configFile: string): Promise<string> {
  return (await svidecar(['status', '--config', configFile])).stdout
}

test(
  "a token as README initialises it: status says `generated in Pkcs11`, OpenSC's tool finds the key, and its private value cannot be read",
  { skip: softHsmMissing ?? false },
  async (t) => {
    const hsm = new SoftHsm()
    t.after(() => hsm.remove())
    const places = {
      '/run/secrets': temporaryFolder(t),
      '/var/lib/svidecar': temporaryFolder(t),
      '/usr/lib/softhsm/libsofthsm2.so': hsm.module,
      '"hsm"': '"device"',
    }
    const [initToken = '', pinFile = '', list = ''] = fromReadme('Pkcs11', 'sh', places).trim().split('\n')
    shell(`${initToken}\n${pinFile}`, hsm.environment)
    const block = fromReadme('Pkcs11', 'hcl', places).replace('{\n', '{\n  key_storage = "token"\n')
    const { sidecar, port, peer } = await runKeyLab(t, { keyProvider: block })
    assert.match(await statusText(sidecar.configFile), /^server .*generated in Pkcs11/mu)

    const listed = shell(`${list.replace(/#.*/u, '')} --pin 648219`, hsm.environment)
    const [, described = ''] = /^Private Key Object; EC$(.*?)(?=^\S|$(?![\s\S]))/msu.exec(listed) ?? []
    assert.match(described, /label: +svidecar:svidecar\/identity\/server\//u)
    assert.match(described, /Access: +sensitive, always sensitive, never extractable, local/u)
    assert.deepEqual((await presentedKey(port, peer)).asymmetricKeyDetails, { namedCurve: 'prime256v1' })
    const answers = hsm.readPrivateValues('edge')
    assert.ok(answers.length > 0 && !answers.includes('read'), answers.join())
    assert.ok(
      answers.some((answer) => answer.includes('CKR_ATTRIBUTE_SENSITIVE')),
      answers.join(),
    )
  },
)

test(
  'a TPM as README starts it: status says `generated in Tpm`, tpm2-tools find the key, and it cannot be taken out',
  { skip: swtpmMissing ?? false },
  async (t) => {
    const [folder, port] = [temporaryFolder(t), await freePortPair()]
    const pidFile = join(folder, 'swtpm.pid')
    const places = {
      '/tmp/tpm': join(folder, 'tpm'),
      '2321': String(port),
      '2322': String(port + 1),
      '--daemon': `--daemon --pid file=${pidFile}`,
      '/var/lib/svidecar': folder,
      'device:/dev/tpmrm0': `swtpm:port=${port}`,
      '"tpm"': '"device"',
    }
    // Into a file: who reads a pipe would wait for the daemon, which keeps it.
    shell(`{ ${fromReadme('Tpm', 'sh', places)} } > ${folder}/said 2>&1`, {})
    const pid = Number(readFileSync(pidFile, 'utf8'))
    t.after(() => process.kill(pid))
    assert.match(readFileSync(join(folder, 'said'), 'utf8'), /ecdsa/u)
    const running = await runKeyLab(t, { keyProvider: fromReadme('Tpm', 'hcl', places) })
    assert.match(await statusText(running.sidecar.configFile), /^server .*generated in Tpm/mu)

    const environment = { TPM2TOOLS_TCTI: `swtpm:port=${port}`, TSS2_LOG: 'all+NONE' }
    const handle = findKey(t, environment, await presentedKey(running.port, running.peer))
    const attributes = shell(`tpm2_readpublic -c ${handle}`, environment)
    assert.match(attributes, /fixedtpm\|fixedparent\|sensitivedataorigin/u)
    const policy = `cd ${folder} && tpm2_startauthsession -S session --policy-session && tpm2_policycommandcode -S session TPM2_CC_Duplicate`
    shell(policy, environment)
    const taken = `cd ${folder} && tpm2_duplicate -C null -c ${handle} -G null -p session:session -r private -s seed`
    // The TPM says no, and not the tool.
    assert.match(shellFails(taken, environment), /Esys_Duplicate\(0x[0-9a-f]+\)/iu)
  },
)

/** The handle of the loaded object whose public key this is. */
function findKey(t: TestContext, environment: NodeJS.ProcessEnv, wanted: KeyObject): string {
  const folder = temporaryFolder(t)
  const handles = shell('tpm2_getcap handles-transient', environment).match(/0x[0-9a-f]+/giu) ?? []
  const found = handles.find((handle) => {
    shell(`cd ${folder} && tpm2_readpublic -c ${handle} -f pem -o ${handle}.pem`, environment)
    return createPublicKey(readFileSync(join(folder, `${handle}.pem`))).equals(wanted)
  })
  assert.ok(found, `one of ${handles.join(', ')} is the SVID's key`)
  return found
}
