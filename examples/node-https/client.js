import { once } from 'node:events'
import { get } from 'node:https'
import { text } from 'node:stream/consumers'
import { authorizeId, mtls, parseSpiffeId, X509Source } from 'svidecar/workload-api'

const name = process.argv[2] ?? 'client'
const source = await X509Source.create({ picker: (svids) => svids.find(({ hint }) => hint === name) })
const { agent } = mtls(source, authorizeId(parseSpiffeId('spiffe://lab.test/server')))

try {
  const [response] = await once(get(`https://127.0.0.1:${process.env.PORT ?? 8443}/`, { agent }), 'response')
  process.stdout.write(await text(response))
} catch (error) {
  console.log(`no answer: ${error.message}`)
  process.exitCode = 1
} finally {
  agent.destroy()
  await source.close()
}
