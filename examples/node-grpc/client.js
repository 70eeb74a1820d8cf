import { promisify } from 'node:util'
import * as grpc from '@grpc/grpc-js'
import { authorizeId, mtls, parseSpiffeId, X509Source } from 'svidecar/workload-api'
import { greeter } from './greeter.js'

const name = process.argv[2] ?? 'client'
const source = await X509Source.create({ picker: (svids) => svids.find(({ hint }) => hint === name) })
const { channelCredentials } = mtls(source, authorizeId(parseSpiffeId('spiffe://lab.test/server')))

const Greeter = grpc.makeGenericClientConstructor(greeter, 'Greeter')
const client = new Greeter(`127.0.0.1:${process.env.PORT ?? 8443}`, channelCredentials(grpc))
try {
  const { text } = await promisify(client.Greet.bind(client))({ greeting: 'hello' })
  console.log(text)
} catch (error) {
  console.log(`no answer: ${error.details}`)
  process.exitCode = 1
} finally {
  client.close()
  await source.close()
}
