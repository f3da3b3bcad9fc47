//! A statement whose caller has given up is cancelled, and no other.

use realtime::model::Code;

use crate::client::{Client, Said, error, number, ready_for_query};

/// CancelRequest, with the key of the server.
const CANCEL: &str = r"\x00\x00\x00\x10\x04\xd2\x16.\x00\x00\x00\x01\x00\x00\x00\x02";

fn cancelled() -> Vec<u8> {
    [error("57014", "canceling statement due to user request"), ready_for_query(b'I')].concat()
}

/// A statement whose caller has given up, with this one sent after it.
fn abandoned() -> Client {
    let mut client = Client::ready();
    client.ask(1, &["SELECT pg_sleep(60)"]);
    client.advance(4.0);
    client.ask(2, &["SELECT 2"]);
    client.written(0);
    client.advance(6.0);
    let said = client.said();
    assert!(
        matches!(&said[..], [Said::Answer(1, Err(error))] if error.code == Code::Timeout && error.sent),
        "{said:?}"
    );
    client
}

#[test]
fn the_server_is_asked_to_end_it_and_what_follows_is_sent_once_it_was() {
    let mut client = abandoned();
    client.connect(2);
    assert_eq!(client.written(2), CANCEL);
    client.ask(3, &["SELECT 3"]);
    assert_eq!(client.written(0), "", "the server might end that");
    client.read(0, &cancelled());
    client.lost(2);
    assert!(client.said().is_empty(), "nobody waits for the one, and the other is to come");
    assert!(client.written(0).contains("SELECT 3"));
    client.read(0, &[number("2"), number("3")].concat());
    assert!(matches!(client.said()[..], [Said::Answer(2, Ok(_)), Said::Answer(3, Ok(_))]));
}

#[test]
fn what_the_server_ended_by_mistake_is_sent_again() {
    let mut client = abandoned();
    client.connect(2);
    // The first one was over by then.
    client.read(0, &number("1"));
    client.read(0, &cancelled());
    client.lost(2);
    assert!(client.said().is_empty());
    assert!(client.written(0).contains("SELECT 2"));
    client.read(0, &number("2"));
    assert!(matches!(client.said()[..], [Said::Answer(2, Ok(_))]));
    // A statement that the server cancels at statement_timeout fails for its caller.
    client.ask(3, &["SELECT 3"]);
    client.read(0, &cancelled());
    let said = client.said();
    assert!(matches!(&said[..], [Said::Answer(3, Err(error))] if error.code.as_str() == "57014"), "{said:?}");
}

#[test]
fn a_server_that_cannot_be_asked_goes_on_with_it_and_the_client_too() {
    let mut client = abandoned();
    client.connect(2);
    client.advance(5.0);
    client.ask(3, &["SELECT 3"]);
    assert!(client.written(0).contains("SELECT 3"), "the link is given up");
}

#[test]
fn a_statement_that_is_given_up_while_it_waits_is_ended_once_it_runs() {
    let mut client = Client::ready();
    client.ask(1, &["SELECT pg_sleep(60)"]);
    client.ask(2, &["SELECT pg_sleep(3600)"]);
    client.written(0);
    client.advance(10.0);
    assert!(matches!(client.said()[..], [Said::Answer(1, Err(_)), Said::Answer(2, Err(_))]));
    client.connect(2);
    assert_eq!(client.written(2), CANCEL);
    client.read(0, &cancelled());
    client.lost(2);
    client.connect(2);
    assert_eq!(client.written(2), CANCEL, "the second one");
    // It has ended by then, and the server is not asked about it twice.
    client.lost(2);
    client.advance(0.1);
    assert_eq!(client.action(), None);
    client.read(0, &cancelled());
    client.ask(3, &["SELECT 3"]);
    client.read(0, &number("3"));
    assert!(matches!(client.said()[..], [Said::Answer(3, Ok(_))]));
}

#[test]
fn what_may_have_done_a_part_of_its_work_is_not_sent_again() {
    let mut client = Client::ready();
    client.ask(1, &["SELECT pg_sleep(60)"]);
    client.advance(4.0);
    client.ask(2, &["CALL commits_in_between()"]);
    client.written(0);
    client.advance(6.0);
    client.said();
    client.connect(2);
    client.read(0, &number("1"));
    client.read(0, &cancelled());
    client.lost(2);
    let said = client.said();
    assert!(matches!(&said[..], [Said::Answer(2, Err(error))] if error.code.as_str() == "57014"), "{said:?}");
}
