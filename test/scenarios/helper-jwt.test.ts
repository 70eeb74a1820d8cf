import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { JwtBundle, parseTrustDomain, SpiffeBundle, validateJwtSvid } from '../../workload-api/index.js'
import { RunningSidecar, until } from './running-sidecar.js'
import { startHelperLab } from './helper-lab.js'

const trustDomain = parseTrustDomain('lab.test')

test('token files and JWT bundles are written in every form, and each token is for its audiences', async (t) => {
  const lab = await startHelperLab(t)
  const config = `agent_address = "${lab.agentSocket}" cert_dir = "${lab.certs}"
jwt_svids = [{ jwt_audience = "db" jwt_extra_audiences = ["cache"] jwt_svid_file_name = "db.jwt" }]
jwt_bundle_file_name = "helper.json"
jwt_svid_file_mode = 0640
output "more" { dir = "${lab.certs}" jwks_file_name = "jwks.json" spiffe_bundle_file_name = "spiffe.json" }
`
  const sidecar = new RunningSidecar(t, lab.folder, 'jwt', config)
  await sidecar.ready()
  const read = (name: string) => readFileSync(join(lab.certs, name), 'utf8')
  const helper = JSON.parse(read('helper.json')) as Record<string, string>
  const jwks = Buffer.from(helper['lab.test'] ?? '', 'base64').toString()
  assert.equal(read('jwks.json'), jwks)
  const bundle = JwtBundle.parse(trustDomain, jwks)
  const svid = await validateJwtSvid(read('db.jwt'), new Map([[trustDomain, bundle]]), { audience: ['cache'] })
  assert.deepEqual([svid.id, [...svid.audience].sort()], ['spiffe://lab.test/server', ['cache', 'db']])
  assert.equal(statSync(join(lab.certs, 'db.jwt')).mode & 0o777, 0o640)
  const spiffe = SpiffeBundle.parse(trustDomain, read('spiffe.json'))
  assert.deepEqual([spiffe.x509Authorities.length, spiffe.jwtAuthorities.size], [1, 1])
  assert.equal(await sidecar.stop(), 0)
})

test('a renewed token signals the program, with no X.509 file in the output', async (t) => {
  const lab = await startHelperLab(t, '4s')
  const program = lab.program('p', 'trap "echo USR1 >> $OUT/signals" USR1\nwhile test -d $OUT; do sleep 0.05; done')
  const config = `agent_address = "${lab.agentSocket}" cert_dir = "${lab.certs}" cmd = "${program}" renew_signal = "SIGUSR1"
jwt_svids = [{ jwt_audience = "db" jwt_svid_file_name = "db.jwt" }]
`
  const sidecar = new RunningSidecar(t, lab.folder, 'jwt', config)
  await sidecar.ready()
  const first = readFileSync(join(lab.certs, 'db.jwt'), 'utf8')
  await lab.lines('signals', 1)
  await until('the token is another', () =>
    readFileSync(join(lab.certs, 'db.jwt'), 'utf8') === first ? undefined : true,
  )
  assert.equal(await sidecar.stop(), 0)
})
