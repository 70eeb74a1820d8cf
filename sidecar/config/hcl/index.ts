export type { BadValue, Document, Item, Key, ListValue, ObjectValue, StringValue, Value } from './ast.js'
export { maxDepth, maxFileBytes, maxNodes } from './budget.js'
export { decodeSource, parseDocument } from './parse-document.js'
