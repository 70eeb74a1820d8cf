import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FakeCa, type Issued } from '../fakes/fake-ca.js'
import { type Certificates, type Leaf, trustDomain } from './certificates.js'

/** What the load generator and the static agent read, and an authority that can make many more. */
export interface ScaleCertificates extends Certificates {
  readonly authority: FakeCa
}

async function writeLeaf(folder: string, name: string, issued: Issued): Promise<Leaf> {
  const path = (suffix: string) => join(folder, `${name}.${suffix}`)
  await writeFile(path('pem'), issued.chainPem)
  await writeFile(path('key'), issued.keyPem, { mode: 0o600 })
  await writeFile(path('combined.pem'), issued.chainPem + issued.keyPem, { mode: 0o600 })
  return {
    spiffeId: `spiffe://${trustDomain}/${name}`,
    cert: path('pem'),
    key: path('key'),
    combined: path('combined.pem'),
  }
}

export async function makeScaleCertificates(folder: string): Promise<ScaleCertificates> {
  const authority = FakeCa.create(trustDomain)
  const ca = join(folder, 'ca.pem')
  await writeFile(ca, authority.certificatePem)
  // The load generator's own verification is by host name, as that of the other proxies is.
  const names = (name: string) => [{ uri: `spiffe://${trustDomain}/${name}` }, { dns: 'localhost' }]
  const [server, client] = ['server', 'client'].map((name) => authority.issue(`/${name}`, { names: names(name) }))
  if (server === undefined || client === undefined) throw new TypeError('two leaves were asked for')
  return {
    authority,
    ca,
    server: await writeLeaf(folder, 'server', server),
    client: await writeLeaf(folder, 'client', client),
  }
}
