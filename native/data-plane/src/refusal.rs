//! Lets the alert arrive: a close while unread bytes wait sends a reset, and a reset overtakes the alert.
#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::time::Duration;

use tokio::time::timeout;

use crate::buffer_pool::Buffer;
use crate::socket::Socket;

const DRAIN_LIMIT: Duration = Duration::from_secs(1);
const DRAIN_BYTES: usize = 64 * 1024;

/// Sends the alert, ends our half, reads at most 64 KiB or for 1 s, then closes.
pub async fn deliver(mut socket: Socket, alert: Option<Buffer>) {
    let Some(alert) = alert.filter(|alert| !alert.is_empty()) else { return };
    let told = timeout(DRAIN_LIMIT, tell_and_drain(&mut socket, &alert)).await;
    if matches!(told, Ok(Ok(()))) {
        socket.closed_in_order();
    }
}

async fn tell_and_drain(socket: &mut Socket, alert: &Buffer) -> std::io::Result<()> {
    socket.write_all(alert.filled()).await?;
    poll_fn(|context| socket.poll_shutdown(context)).await?;
    // On the heap: this future is part of every connection's.
    let mut scratch = vec![0; 1024];
    let mut drained = 0;
    while drained < DRAIN_BYTES {
        match poll_fn(|context| socket.poll_read(context, &mut scratch)).await? {
            0 => break,
            read => drained += read,
        }
    }
    Ok(())
}
