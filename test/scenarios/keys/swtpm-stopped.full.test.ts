import { test } from 'node:test'
import { swtpmMissing } from '../../devices/swtpm.js'
import { stopTpmUnderLoad } from './stopped-swtpm.js'

test(
  'swtpm stopped (SIGSTOP) for 20 s at 200 new handshakes a second: established connections flat, threads bounded, and it recovers',
  { skip: swtpmMissing ?? false, timeout: 180_000 },
  (t) => stopTpmUnderLoad(t, { stoppedMs: 20_000, operationTimeout: '5s', perSecond: 200 }),
)
