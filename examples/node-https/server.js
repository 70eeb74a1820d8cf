import { createServer } from 'node:https'
import { authorizeId, mtls, parseSpiffeId, peerIdOf, X509Source } from 'svidecar/workload-api'

const name = process.argv[2] ?? 'server'
const source = await X509Source.create({ picker: (svids) => svids.find(({ hint }) => hint === name) })
const { serverOptions, protect } = mtls(source, authorizeId(parseSpiffeId('spiffe://lab.test/client')))

const server = protect(
  createServer(serverOptions, (request, response) => response.end(`hello, ${peerIdOf(request.socket)}\n`)),
)
server.on('tlsClientError', (error) => console.log(`refused: ${error.message}`))
server.listen(Number(process.env.PORT ?? 8443), '127.0.0.1', () => {
  console.log(`${source.snapshot().svid.id} listens on port ${server.address().port}`)
})
