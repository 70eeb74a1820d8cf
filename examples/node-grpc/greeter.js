/** A service of one method, as `@grpc/grpc-js` has it; JSON in the place of a compiled .proto file. */
const encode = (message) => Buffer.from(JSON.stringify(message))
const decode = (bytes) => JSON.parse(bytes.toString())

export const greeter = {
  Greet: {
    path: '/Greeter/Greet',
    requestStream: false,
    responseStream: false,
    requestSerialize: encode,
    requestDeserialize: decode,
    responseSerialize: encode,
    responseDeserialize: decode,
  },
}
