//! Standard input as the parent's hand: a line means go on, its end means stop. A process whose parent died ends.

use std::io::BufRead;

use tokio::sync::mpsc::{Receiver, channel};

/// Lines of standard input, read by a thread of its own: a blocking read must not hold the runtime's end.
pub(crate) struct Stdin(Receiver<()>);

impl Stdin {
    /// Starts reading.
    pub(crate) fn open() -> Self {
        let (sender, receiver) = channel(1);
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                if line.is_err() || sender.blocking_send(()).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// True for a line, false at the end.
    pub(crate) async fn line(&mut self) -> bool {
        self.0.recv().await.is_some()
    }

    /// Resolves at the end; lines before it mean nothing.
    pub(crate) async fn ended(&mut self) {
        while self.line().await {}
    }
}
