//! What a caller asks of the backend: nine bytes at the start of each connection.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::LoadError;

/// Length of a request on the wire.
const LENGTH: usize = 9;

/// The work of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Everything that follows comes back, until the caller ends.
    Echo,
    /// So many bytes follow; one byte answers when all have arrived.
    Sink(u64),
    /// So many bytes are wanted.
    Source(u64),
}

impl Request {
    fn encode(self) -> [u8; LENGTH] {
        let (kind, amount) = match self {
            Self::Echo => (b'E', 0),
            Self::Sink(amount) => (b'S', amount),
            Self::Source(amount) => (b'R', amount),
        };
        let [a, b, c, d, e, f, g, h] = u64::to_le_bytes(amount);
        [kind, a, b, c, d, e, f, g, h]
    }

    fn decode([kind, amount @ ..]: [u8; LENGTH]) -> Result<Self, LoadError> {
        let amount = u64::from_le_bytes(amount);
        match kind {
            b'E' => Ok(Self::Echo),
            b'S' => Ok(Self::Sink(amount)),
            b'R' => Ok(Self::Source(amount)),
            _ => Err(LoadError::WrongAnswer),
        }
    }

    /// Sends the request, together with what follows it at once: one packet, as a real first request would be.
    pub(crate) async fn send(self, stream: &mut (impl AsyncWrite + Unpin), payload: &[u8]) -> Result<(), LoadError> {
        let mut message = self.encode().to_vec();
        message.extend_from_slice(payload);
        stream.write_all(&message).await.map_err(|source| LoadError::io("send the request", source))
    }

    /// Reads a request; nothing when the caller left without one.
    pub(crate) async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Result<Self, LoadError> {
        let mut header = [0; LENGTH];
        stream.read_exact(&mut header).await.map_err(|source| LoadError::io("read the request", source))?;
        Self::decode(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_survives_the_wire() {
        for request in [Request::Echo, Request::Sink(1 << 40), Request::Source(7)] {
            assert_eq!(Request::decode(request.encode()).unwrap(), request);
        }
        assert!(Request::decode([b'?'; LENGTH]).is_err());
    }
}
