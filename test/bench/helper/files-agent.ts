import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { loadPackageDefinition, Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import { FakeCa } from '../../fakes/fake-ca.js'
import type { Certificates } from '../certificates.js'

const proto = fileURLToPath(new URL('../../../workload-api/proto/workload.proto', import.meta.url))

interface Svid {
  readonly spiffe_id: string
  readonly x509_svid: Uint8Array
  readonly x509_svid_key: Uint8Array
  readonly bundle: Uint8Array
}

/** The ID of the identity whose files rotate. */
export const filesId = 'spiffe://files.test/workload'

/** A Workload API with two SVIDs: that of the tunnel, which stays, and one for files, new with its bundle at each `rotate`. */
export class FilesAgent implements AsyncDisposable {
  readonly #server = new Server()
  readonly #tunnel: Svid
  readonly #streams = new Set<ServerWritableStream<object, object>>()
  #answer: object = {}

  private constructor(tunnel: Svid) {
    this.#tunnel = tunnel
    this.#renew()
  }

  static async start(path: string, { ca, server: leaf }: Certificates): Promise<FilesAgent> {
    const service = loadPackageDefinition(await load(proto, { keepCase: true }))['SpiffeWorkloadAPI']
    if (typeof service !== 'function' || !('service' in service)) throw new TypeError('the proto has no Workload API')
    const key = createPrivateKey(await readFile(leaf.key))
    const agent = new FilesAgent({
      spiffe_id: leaf.spiffeId,
      x509_svid: new X509Certificate(await readFile(leaf.cert)).raw,
      x509_svid_key: key.export({ type: 'pkcs8', format: 'der' }),
      bundle: new X509Certificate(await readFile(ca)).raw,
    })
    agent.#server.addService(service.service, {
      FetchX509SVID: (call: ServerWritableStream<object, object>) => {
        agent.#streams.add(call)
        call.on('cancelled', () => agent.#streams.delete(call))
        call.write(agent.#answer)
      },
    })
    await promisify(agent.#server.bindAsync.bind(agent.#server))(`unix:${path}`, ServerCredentials.createInsecure())
    return agent
  }

  /** A new key, chain and bundle for the files. */
  rotate(): void {
    this.#renew()
    for (const call of this.#streams) call.write(this.#answer)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown()
    return Promise.resolve()
  }

  #renew(): void {
    const ca = FakeCa.create('files.test')
    const { chain, pkcs8 } = ca.issue('/workload')
    const files = { spiffe_id: filesId, x509_svid: Buffer.concat(chain), x509_svid_key: pkcs8, bundle: ca.certificate }
    this.#answer = { svids: [this.#tunnel, files] }
  }
}
