import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { loadPackageDefinition, Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import type { Leaf } from './certificates.js'

const proto = fileURLToPath(new URL('../../workload-api/proto/workload.proto', import.meta.url))

async function certificateDer(path: string): Promise<Buffer> {
  return new X509Certificate(await readFile(path)).raw
}

async function response(ca: string, leaf: Leaf): Promise<object> {
  const key = createPrivateKey(await readFile(leaf.key))
  const svid = {
    spiffe_id: leaf.spiffeId,
    x509_svid: await certificateDer(leaf.cert),
    x509_svid_key: key.export({ type: 'pkcs8', format: 'der' }),
    bundle: await certificateDer(ca),
  }
  return { svids: [svid] }
}

/** A Workload API with one X.509-SVID that never changes: the sidecar gets the certificate that its peers get as files. */
export class StaticAgent implements AsyncDisposable {
  #answeredAt: number | undefined

  private constructor(private readonly server: Server) {}

  /** When it last gave the SVID away, as `performance.now()` counts. */
  get answeredAt(): number | undefined {
    return this.#answeredAt
  }

  /** Serves on the unix socket `path`. */
  static async start(path: string, ca: string, leaf: Leaf): Promise<StaticAgent> {
    const definition = await load(proto, { keepCase: true })
    const service = loadPackageDefinition(definition)['SpiffeWorkloadAPI']
    if (typeof service !== 'function' || !('service' in service)) throw new TypeError('the proto has no Workload API')
    const answer = await response(ca, leaf)
    const server = new Server()
    const agent = new StaticAgent(server)
    server.addService(service.service, {
      FetchX509SVID: (call: ServerWritableStream<object, object>) => {
        agent.#answeredAt = performance.now()
        call.write(answer)
      },
    })
    await promisify(server.bindAsync.bind(server))(`unix:${path}`, ServerCredentials.createInsecure())
    return agent
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.server.forceShutdown()
    return Promise.resolve()
  }
}
