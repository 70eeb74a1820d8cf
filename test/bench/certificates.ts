import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FakeCa, type CertificateOptions, generateKey, type Issued } from '../fakes/fake-ca.js'

export const trustDomain = 'bench.test'
/** Who is let in where every connection comes from another peer. */
export const strangers = `spiffe://${trustDomain}/strangers/*`
const validMs = 2 * 24 * 3_600_000

/** One end's certificate, PEM files; `combined` is certificate and key in one file. */
export interface Leaf {
  readonly spiffeId: string
  readonly cert: string
  readonly key: string
  readonly combined: string
}

export interface Certificates {
  readonly authority: FakeCa
  readonly ca: string
  readonly server: Leaf
  readonly client: Leaf
}

/** A file of leaves with different SPIFFE IDs, all over the key of `key`. */
export interface Strangers {
  readonly file: string
  readonly key: string
}

/** The other proxies and the load generator compare host names in client mode, so a leaf carries one. */
function leafOptions(name: string): CertificateOptions {
  const names = [{ uri: `spiffe://${trustDomain}/${name}` }, { dns: 'localhost' }]
  return { names, notAfter: new Date(Date.now() + validMs) }
}

async function writeLeaf(folder: string, name: string, { chainPem, keyPem }: Issued): Promise<Leaf> {
  const path = (suffix: string): string => join(folder, `${name}.${suffix}`)
  await writeFile(path('pem'), chainPem)
  await writeFile(path('key'), keyPem, { mode: 0o600 })
  await writeFile(path('combined.pem'), chainPem + keyPem, { mode: 0o600 })
  return {
    spiffeId: `spiffe://${trustDomain}/${name}`,
    cert: path('pem'),
    key: path('key'),
    combined: path('combined.pem'),
  }
}

/** A P-256 authority and one P-256 leaf for each end, as every proxy under measurement gets them. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const authority = FakeCa.create(trustDomain, { notAfter: new Date(Date.now() + validMs) })
  const ca = join(folder, 'ca.pem')
  await writeFile(ca, authority.certificatePem)
  const leaf = (name: string) => writeLeaf(folder, name, authority.issue(`/${name}`, leafOptions(name)))
  return { authority, ca, server: await leaf('server'), client: await leaf('client') }
}

/**
 * `count` peers. They share a key: a tunnel judges by the ID and the certificate, and keys would take most of the time
 * that this takes.
 */
export async function makeStrangers(folder: string, authority: FakeCa, count: number): Promise<Strangers> {
  const [file, key] = [join(folder, 'strangers.pem'), join(folder, 'strangers.key')]
  const shared = generateKey()
  const leaves = Array.from({ length: count }, (_, index) => {
    const name = `strangers/${index}`
    return authority.issue(`/${name}`, { ...leafOptions(name), key: shared }).chainPem
  })
  await writeFile(file, leaves.join(''))
  await writeFile(key, shared.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  return { file, key }
}
