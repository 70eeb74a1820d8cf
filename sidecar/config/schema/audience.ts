import { textType } from './scalars.js'
import type { ValueType } from './spec.js'

/** RFC 7519 section 4.1.3: any text; here without what would make log lines of it. */
export const audience: ValueType<string> = textType('string', 'an audience', (value) => {
  if (value === '') return { fault: 'is empty' }
  if (value.length > 1024) return { fault: 'is longer than 1024 characters' }
  return /\p{Cc}/u.test(value) ? { fault: 'has a control character in it' } : { value }
})
