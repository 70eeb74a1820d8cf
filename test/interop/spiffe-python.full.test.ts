import { testInteroperates } from './interoperates.js'

testInteroperates('python', 'spiffe (Python)')
