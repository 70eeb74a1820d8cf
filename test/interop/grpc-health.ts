import type { TestContext } from 'node:test'
import { Client, credentials, Server, ServerCredentials, type sendUnaryData, type ServiceError } from '@grpc/grpc-js'

/** `grpc.health.v1.Health/Check`: an empty request, and `SERVING` as its first and only field. */
const path = '/grpc.health.v1.Health/Check'
const serving = Buffer.from([0x08, 0x01])
const asBytes = (bytes: Buffer) => bytes

/** A plaintext gRPC server that is well; resolves with its address. */
export async function startHealthServer(t: TestContext): Promise<string> {
  const server = new Server()
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: asBytes,
    requestDeserialize: asBytes,
    responseSerialize: asBytes,
    responseDeserialize: asBytes,
  }
  server.addService(
    { Check: method },
    { Check: (_call: unknown, answer: sendUnaryData<Buffer>) => answer(null, serving) },
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  )
  t.after(() => server.forceShutdown())
  return `127.0.0.1:${port}`
}

/** What a plaintext gRPC server says of its health, or the status of a call that failed. */
export function checkHealth(address: string): Promise<string | number> {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.enable_retries': 0 })
  return new Promise((resolve) => {
    const end = (error: ServiceError | null, answer?: Buffer) => {
      client.close()
      resolve(error ? error.code : answer?.equals(serving) === true ? 'SERVING' : 'another answer')
    }
    client.makeUnaryRequest(path, asBytes, asBytes, Buffer.alloc(0), { deadline: Date.now() + 30_000 }, end)
  })
}
