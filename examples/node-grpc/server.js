import * as grpc from '@grpc/grpc-js'
import { authorizeId, mtls, parseSpiffeId, peerIdOfCall, X509Source } from 'svidecar/workload-api'
import { greeter } from './greeter.js'

const name = process.argv[2] ?? 'server'
const source = await X509Source.create({ picker: (svids) => svids.find(({ hint }) => hint === name) })
const { grpcListener } = mtls(source, authorizeId(parseSpiffeId('spiffe://lab.test/client')))

const server = new grpc.Server()
server.addService(greeter, {
  Greet: (call, answer) => answer(null, { text: `${call.request.greeting}, ${peerIdOfCall(call)}` }),
})
const listener = grpcListener(grpc, server)
listener.on('tlsClientError', (error) => console.log(`refused: ${error.message}`))
listener.listen(Number(process.env.PORT ?? 8443), '127.0.0.1', () => {
  console.log(`${source.snapshot().svid.id} listens on port ${listener.address().port}`)
})
