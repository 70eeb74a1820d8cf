use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::session::SessionKind;
use crate::tcti::Tcti;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(30);

fn device() -> DeviceThread {
    DeviceThread::start(Station::new(Tcti::parse("tabrmd").unwrap(), SessionKind::Password)).unwrap()
}

fn answer<T: Send + 'static>() -> (Answer<T>, Receiver<Result<T, TpmError>>) {
    let (sender, receiver) = channel();
    (Answer::new(move |result| sender.send(result).unwrap()), receiver)
}

/// Submits a step that lasts until the sender is dropped.
fn hang(device: &DeviceThread, limit: Duration) -> (std::sync::mpsc::Sender<()>, Receiver<Result<(), TpmError>>) {
    let (release, held) = channel::<()>();
    let (answer, result) = answer();
    device.submit(limit, answer, move |_| {
        let _ = held.recv();
        Ok(())
    });
    (release, result)
}

fn submit(device: &DeviceThread, limit: Duration) -> Receiver<Result<u8, TpmError>> {
    let (answer, result) = answer();
    device.submit(limit, answer, |_| Ok(7));
    result
}

fn kind<T>(result: &Receiver<Result<T, TpmError>>) -> Option<TpmErrorKind> {
    result.recv_timeout(LONG).unwrap().err().map(|error| error.kind)
}

#[test]
fn a_step_that_hangs_is_given_up_with_all_behind_it_and_the_thread_is_good_again_when_it_returns() {
    let device = device();
    let (release, hanging) = hang(&device, SHORT);
    let behind = submit(&device, LONG);
    assert_eq!(kind(&hanging), Some(TpmErrorKind::Timeout));
    assert_eq!(kind(&behind), Some(TpmErrorKind::Timeout));
    assert_eq!(kind(&submit(&device, LONG)), Some(TpmErrorKind::Timeout), "at once, since the thread hangs still");
    drop(release);
    while kind(&submit(&device, LONG)).is_some() {
        thread::yield_now();
    }
}

#[test]
fn a_step_that_does_not_get_its_turn_in_time_goes_alone() {
    let device = device();
    let (release, slow) = hang(&device, LONG);
    assert_eq!(kind(&submit(&device, SHORT)), Some(TpmErrorKind::Busy));
    let patient = submit(&device, LONG);
    drop(release);
    assert_eq!(kind(&slow), None);
    assert_eq!(kind(&patient), None);
}

#[test]
fn the_line_is_bounded() {
    let device = device();
    let (release, _slow) = hang(&device, LONG);
    let results: Vec<_> = (0..=MAX_WAITING + 1).map(|_| submit(&device, LONG)).collect();
    assert_eq!(kind(results.last().unwrap()), Some(TpmErrorKind::Busy));
    drop(release);
    assert_eq!(kind(results.first().unwrap()), None);
}

#[test]
fn a_panic_fails_its_step_alone() {
    let device = device();
    let (answer, result) = answer::<()>();
    device.submit(LONG, answer, |_| panic!("a defect"));
    assert_eq!(kind(&result), Some(TpmErrorKind::Other));
    assert_eq!(kind(&submit(&device, LONG)), None);
}

#[test]
fn closing_lets_what_waits_finish_and_refuses_the_rest() {
    let device = device();
    let before = submit(&device, LONG);
    let (closed, ending) = answer();
    device.close(LONG, closed);
    assert_eq!(kind(&before), None);
    assert_eq!(kind(&ending), None);
    assert_eq!(kind(&submit(&device, LONG)), Some(TpmErrorKind::Closed));
    device.ending().wait(LONG);
    assert!(device.ending().is_over());
}

#[test]
fn an_end_waits_for_no_thread_that_hangs() {
    let device = device();
    let (_release, hanging) = hang(&device, SHORT);
    assert_eq!(kind(&hanging), Some(TpmErrorKind::Timeout));
    let (closed, ending) = answer();
    device.close(LONG, closed);
    assert_eq!(kind(&ending), None);
    let begun = Instant::now();
    device.ending().wait(LONG);
    assert!(begun.elapsed() < LONG / 2);
    assert!(!device.ending().is_over());
}

#[test]
fn an_end_gives_up_what_waits() {
    let device = device();
    let (release, _slow) = hang(&device, LONG);
    let waiting = submit(&device, LONG);
    let ending = device.ending();
    let waiter = thread::spawn(move || ending.wait(LONG));
    assert_eq!(kind(&waiting), Some(TpmErrorKind::Closed));
    drop(release);
    waiter.join().unwrap();
    assert!(device.ending().is_over());
}
