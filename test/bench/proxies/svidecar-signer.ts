import { fileURLToPath } from 'node:url'
import { trustDomain } from '../certificates.js'
import type { SignerTunnelOptions } from '../signer-tunnel.js'
import { Prepared, type Proxy } from './proxy.js'
import { svidecar } from './svidecar.js'

const program = fileURLToPath(new URL('../signer-tunnel.js', import.meta.url))

/** svidecar's data plane with a key that signs in JavaScript, as every device key does. */
export const svidecarSigner: Proxy = {
  name: 'svidecar JS signer',
  version: () => svidecar.version(),

  prepare({ mode, listen, target, certificates }) {
    const peer = certificates[mode === 'server' ? 'client' : 'server'].spiffeId
    const { ca } = certificates
    const options: SignerTunnelOptions = { mode, listen, target, ca, trustDomain, leaf: certificates[mode], peer }
    return Promise.resolve(new Prepared(process.execPath, [program, JSON.stringify(options)]))
  },
}
