import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTcti } from '../../../../parsec-core/providers/tpm/tcti.js'

const accepted: Readonly<Record<string, readonly [text: string, isLocalSoftware: boolean]>> = {
  'device:/dev/tpmrm0': ['device:/dev/tpmrm0', false],
  swtpm: ['swtpm:host=127.0.0.1,port=2321', true],
  'swtpm:port=3000': ['swtpm:host=127.0.0.1,port=3000', true],
  'swtpm:host=localhost': ['swtpm:host=localhost,port=2321', true],
  'swtpm:host=::1,port=1': ['swtpm:host=::1,port=1', true],
  'swtpm:port=2321,host=tpm.example.org': ['swtpm:host=tpm.example.org,port=2321', false],
  'swtpm:host=127.evil.example': ['swtpm:host=127.evil.example,port=2321', false],
  'swtpm:host=10.0.0.1': ['swtpm:host=10.0.0.1,port=2321', false],
  tabrmd: ['tabrmd', false],
  'tabrmd:bus_name=com.intel.tss2.Tabrmd,bus_type=session': [
    'tabrmd:bus_name=com.intel.tss2.Tabrmd,bus_type=session',
    false,
  ],
}

for (const [given, [text, isLocalSoftware]] of Object.entries(accepted)) {
  test(`"${given}" is ${isLocalSoftware ? 'a TPM in software on this machine' : 'a TPM with a way to it'}`, () => {
    const tcti = parseTcti(given)
    assert.ok(typeof tcti === 'object')
    assert.deepEqual([tcti.text, tcti.isLocalSoftware], [text, isLocalSoftware])
  })
}

for (const given of [
  '',
  'device',
  'device:',
  'device:tpm0',
  'device:/dev/tpm0,x',
  'mssim:host=127.0.0.1',
  'swtpm:path=/run/tpm.sock',
  'swtpm:host=',
  'swtpm:host=a b',
  'swtpm:host=-a',
  'swtpm:port=0',
  'swtpm:port=65535',
  'swtpm:port=12x',
  'swtpm:port=1,port=2',
  'tabrmd:bus_type=other',
  'tabrmd:bus_name=none',
]) {
  test(`"${given}" is refused with what is wrong`, () => assert.equal(typeof parseTcti(given), 'string'))
}
