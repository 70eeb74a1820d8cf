import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const openssl = (args: readonly string[]): Promise<unknown> => promisify(execFile)('openssl', args)

export const trustDomain = 'bench.test'

/** One end's certificate, PEM files; `combined` is certificate and key in one file. */
export interface Leaf {
  readonly spiffeId: string
  readonly cert: string
  readonly key: string
  readonly combined: string
}

export interface Certificates {
  readonly ca: string
  readonly server: Leaf
  readonly client: Leaf
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/O=bench']

async function makeAuthority(folder: string): Promise<string> {
  const ca = join(folder, 'ca.pem')
  const extensions = [
    'basicConstraints=critical,CA:true',
    'keyUsage=critical,keyCertSign,cRLSign',
    `subjectAltName=URI:spiffe://${trustDomain}`,
  ]
  const added = extensions.flatMap((extension) => ['-addext', extension])
  await openssl(['req', '-x509', ...newKey, '-keyout', join(folder, 'ca.key'), '-out', ca, '-days', '2', ...added])
  return ca
}

/** An X.509-SVID that also carries a DNS name: the other proxies compare host names in client mode. */
async function makeLeaf(folder: string, name: string): Promise<Leaf> {
  const path = (suffix: string): string => join(folder, `${name}.${suffix}`)
  const spiffeId = `spiffe://${trustDomain}/${name}`
  const extensions = [
    'basicConstraints=critical,CA:false',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=serverAuth,clientAuth',
    `subjectAltName=URI:${spiffeId},DNS:localhost`,
  ]
  await writeFile(path('ext'), `${extensions.join('\n')}\n`)
  await openssl(['req', ...newKey, '-keyout', path('key'), '-out', path('csr')])
  const authority = ['-CA', join(folder, 'ca.pem'), '-CAkey', join(folder, 'ca.key'), '-CAcreateserial']
  const input = ['-in', path('csr'), '-extfile', path('ext'), '-days', '2']
  await openssl(['x509', '-req', ...input, ...authority, '-out', path('pem')])
  const combined = (await readFile(path('pem'), 'utf8')) + (await readFile(path('key'), 'utf8'))
  await writeFile(path('combined.pem'), combined, { mode: 0o600 })
  return { spiffeId, cert: path('pem'), key: path('key'), combined: path('combined.pem') }
}

/** A P-256 authority and one P-256 leaf for each end, as every proxy under measurement gets them. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const ca = await makeAuthority(folder)
  const server = await makeLeaf(folder, 'server')
  const client = await makeLeaf(folder, 'client')
  return { ca, server, client }
}
