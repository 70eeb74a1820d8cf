/**
 * A caller of another user: `foreign-caller SOCKET UID SPIFFE-ID` asks for an SVID and prints the gRPC status. It takes
 * the other uid after its code is loaded, so that the code need not be readable by that user.
 */
import { status } from '@grpc/grpc-js'
import { AuthorityClient, grpcStatusOf } from '../../../sidecar/identity/authority-client.js'
import { newRequest } from './authority-fixture.js'

const [, , socket, uid, spiffeId] = process.argv
if (socket === undefined || uid === undefined || spiffeId === undefined) throw new TypeError('three arguments')

const csr = await newRequest(spiffeId)
process.setgid?.(Number(uid))
process.setuid?.(Number(uid))
const client = new AuthorityClient(`unix://${socket}`, { deadlineMs: 5000 })
try {
  await client.signX509Svid({ spiffeId, csr }, new AbortController().signal)
  process.stdout.write('OK')
} catch (error) {
  const code = grpcStatusOf(error)
  process.stdout.write(code === undefined ? String(error) : (status[code] ?? ''))
} finally {
  client.close()
}
