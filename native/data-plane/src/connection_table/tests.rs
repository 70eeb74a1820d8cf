use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::*;

const REMOTE: Remote = Remote::Tcp(SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1));

fn outcomes(table: &ConnectionTable) -> Vec<Outcome> {
    table.audit.take().into_iter().map(|record| record.ending.outcome).collect()
}

#[test]
fn a_connection_that_finishes_is_counted_and_audited_once() {
    let table = Arc::new(ConnectionTable::default());
    let mut registration = table.register(REMOTE, 3, 10);
    assert!(registration.establish(1));
    assert_eq!(table.occupancy(), Occupancy { established: 1, handshaking: 0 });
    registration.finish(Outcome::Completed.into());
    assert_eq!(table.occupancy(), Occupancy { established: 0, handshaking: 0 });
    let records = table.audit.take();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].generation, records[0].allowed), (3, true));
    assert!(table.counters.outcomes().all(|(outcome, count)| count == u64::from(outcome == Outcome::Completed)));
}

#[tokio::test]
async fn a_task_that_is_aborted_anywhere_leaves_nothing_behind() {
    let table = Arc::new(ConnectionTable::default());
    for established in [false, true] {
        let mut registration = table.register(REMOTE, 1, 10);
        let task = tokio::spawn(async move {
            assert!(!established || registration.establish(10));
            sleep(Duration::from_secs(3600)).await;
            registration.finish(Outcome::Completed.into());
        });
        tokio::task::yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    assert_eq!(table.occupancy(), Occupancy { established: 0, handshaking: 0 });
    assert_eq!(outcomes(&table), [Outcome::Closed, Outcome::Closed]);
}

#[tokio::test]
async fn a_task_that_panics_is_audited_as_such() {
    let table = Arc::new(ConnectionTable::default());
    let registration = table.register(REMOTE, 1, 10);
    let task = tokio::spawn(async move {
        let _registration = registration;
        panic!("the defect that this test is about");
    });
    assert!(task.await.unwrap_err().is_panic());
    let records = table.audit.take();
    assert_eq!(records[0].ending.outcome, Outcome::Panicked);
    assert!(!records[0].allowed);
    assert_eq!(table.occupancy().handshaking, 0);
}

#[tokio::test]
async fn the_oldest_unfinished_gives_way_and_an_established_one_never() {
    let table = Arc::new(ConnectionTable::default());
    let mut established = table.register(REMOTE, 1, 2);
    assert!(established.establish(10));
    let oldest = table.register(REMOTE, 1, 2);
    let second = table.register(REMOTE, 1, 2);
    assert!(oldest.entry().ending().is_none());
    let _third = table.register(REMOTE, 1, 2);
    assert_eq!(oldest.entry().ended().await.outcome, Outcome::Limit);
    assert!(second.entry().ending().is_none());
    assert!(established.entry().ending().is_none());
}

#[test]
fn no_more_are_established_than_allowed() {
    let table = Arc::new(ConnectionTable::default());
    let mut first = table.register(REMOTE, 1, 10);
    let mut second = table.register(REMOTE, 1, 10);
    assert!(first.establish(1));
    assert!(!table.has_room(1));
    assert!(!second.establish(1));
    drop(first);
    assert!(second.establish(1));
}

#[tokio::test]
async fn everybody_who_waits_for_an_end_hears_of_it_and_the_first_word_stays() {
    let table = Arc::new(ConnectionTable::default());
    let registration = table.register(REMOTE, 1, 10);
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let entry = Arc::clone(registration.entry());
            tokio::spawn(async move { entry.ended().await.outcome })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(table.end_all(&Ending::new(Outcome::Drained, "first")), 1);
    table.end_all(&Outcome::Closed.into());
    for waiter in waiting {
        assert_eq!(waiter.await.unwrap(), Outcome::Drained);
    }
}

#[tokio::test]
async fn an_empty_table_is_heard_of_by_who_waits_for_it() {
    let table = Arc::new(ConnectionTable::default());
    let registration = table.register(REMOTE, 1, 10);
    assert!(timeout(Duration::from_millis(5), table.empty()).await.is_err());
    let waiter = tokio::spawn({
        let table = Arc::clone(&table);
        async move { table.empty().await }
    });
    tokio::task::yield_now().await;
    drop(registration);
    timeout(Duration::from_secs(10), waiter).await.unwrap().unwrap();
}

#[test]
fn a_connection_refused_at_once_is_counted_without_a_place() {
    let table = ConnectionTable::default();
    table.refuse(REMOTE, 9, Outcome::NoValidSvid.into());
    assert_eq!(table.occupancy(), Occupancy { established: 0, handshaking: 0 });
    assert_eq!(outcomes(&table), [Outcome::NoValidSvid]);
    assert_eq!(table.counters.accepted.load(Ordering::Relaxed), 1);
}
