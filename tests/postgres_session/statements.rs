//! Statements, transactions, and prepared statements that are kept.

use realtime::backend::OptionValue;
use realtime::model::{Code, Event, LinkId, RequestKind, Rows, Value};

use crate::client::{
    Client, Said, URL, args, columns, error, message, notification, number, published, ready_for_query, row,
};

fn one(n: i64) -> Value {
    Value::Rows(Box::new(Rows {
        columns: vec![Box::from(*b"n")],
        values: vec![Value::Integer(n)],
        affected: Some(1),
    }))
}

#[test]
fn a_statement_is_parsed_once() {
    let mut client = Client::ready();
    for (id, is_parsed) in [(1, true), (2, false)] {
        client.ask(id, &["SELECT $1::int AS n", "7"]);
        let written = client.written(0);
        assert_eq!(written.starts_with('P'), is_parsed, "{written}");
        assert!(written.contains(r"\x00\x00\x00\x017\x00\x00"), "its parameter: {written}");
        client.read(0, &number("7"));
        assert_eq!(client.said(), [Said::Answer(id, Ok(one(7)))]);
    }
}

#[test]
fn a_text_that_was_refused_is_sent_anew_and_a_stale_plan_is_made_anew_before_what_follows() {
    let mut client = Client::ready();
    let refused = [error("42601", "syntax error"), ready_for_query(b'I')].concat();
    for id in [1, 2] {
        client.ask(id, &["SELEC"]);
        let written = client.written(0);
        let begins = if id == 1 { "P" } else { r"C\x00\x00\x00\x08Ss1\x00P" };
        assert!(written.starts_with(begins), "under another name, and the first one is given up: {written}");
        client.read(0, &refused);
        assert!(
            matches!(&client.said()[..], [Said::Answer(_, Err(error))] if error.code == Code::Server("42601".into()))
        );
    }
    client.ask(3, &["SELECT 1"]);
    client.read(0, &number("1"));
    client.ask(4, &["SELECT 1"]);
    client.publish(5, "chat", "x");
    client.written(0);
    client.said();
    // In whichever language: what is not supported otherwise has the same code.
    let stale = b"SFEHLER\0VERROR\0C0A000\0Mgecachter Plan\0RRevalidateCachedQuery\0\0";
    client.read(0, &[message(b'E', stale), ready_for_query(b'I')].concat());
    assert!(client.said().is_empty(), "it did not run");
    assert!(client.written(0).starts_with(r"C\x00\x00\x00\x08Ss3\x00P"));
    client.read(0, &[published(), number("2")].concat());
    assert_eq!(client.said(), [Said::Answer(5, Ok(Value::Null)), Said::Answer(4, Ok(one(2)))]);
    client.ask(6, &["SELECT 1"]);
    client.written(0);
    client.read(0, &[error("0A000", "cached plan"), ready_for_query(b'I')].concat());
    assert!(matches!(client.said()[..], [Said::Answer(6, Err(_))]));
}

#[test]
fn a_transaction_that_a_statement_began_is_ended_and_nobody_is_told_that_something_of_it_was_done() {
    let mut client = Client::ready();
    client.ask(1, &["EXECUTE begins"]);
    client.publish(2, "chat", "x");
    client.written(0);
    let begun = [message(b'C', b"BEGIN\0"), ready_for_query(b'T')].concat();
    client.read(0, &[begun, row(&[""]), message(b'C', b"SELECT 1\0"), ready_for_query(b'T')].concat());
    let said = client.said();
    let [Said::Answer(1, Err(first)), Said::Answer(2, Err(second))] = &said[..] else { panic!("{said:?}") };
    for error in [first, second] {
        assert!(error.code.as_str() == "25001" && error.message.contains("rolled back"), "{error}");
    }
    assert_eq!(client.written(0).matches("ROLLBACK").count(), 2);
    let rolled_back = [message(b'C', b"ROLLBACK\0"), ready_for_query(b'I')].concat();
    client.read(0, &rolled_back.repeat(2));
    client.ask(3, &["SELECT 1"]);
    client.read(0, &number("1"));
    assert_eq!(client.said(), [Said::Answer(3, Ok(one(1)))]);
}

#[test]
fn what_no_server_may_say_of_a_transaction_ends_the_connection() {
    for state in [&b"X"[..], b"", b"II"] {
        let mut client = Client::ready();
        client.ask(1, &["SELECT 1"]);
        client.written(0);
        client.read(0, &message(b'Z', state));
        let said = client.said();
        assert!(
            matches!(&said[..], [Said::Answer(1, Err(error)), _] if error.code == Code::Protocol),
            "{said:?}"
        );
    }
    let mut client = Client::ready();
    client.request(1, RequestKind::Transaction(vec![args(&["SELECT 1"])]));
    client.written(0);
    client.read(0, &[error("22012", "division by zero"), ready_for_query(b'E')].concat());
    client.written(0);
    client.read(0, &[error("57014", "canceled"), ready_for_query(b'E')].concat());
    let said = client.said();
    let [Said::Answer(1, Err(_)), Said::Event(Event::Down { error, .. })] = &said[..] else {
        panic!("{said:?}")
    };
    assert_eq!(error.code, Code::Protocol, "a ROLLBACK that does not end it");
}

#[test]
fn a_server_that_says_nothing_of_a_statement_is_not_taken_to_have_run_it() {
    let mut client = Client::ready();
    client.ask(1, &["DELETE FROM bans"]);
    client.publish(2, "chat", "x");
    client.request(3, RequestKind::Transaction(vec![args(&["DELETE FROM bans"])]));
    client.written(0);
    client.read(0, &ready_for_query(b'I').repeat(2));
    let begun = [message(b'C', b"BEGIN\0"), message(b'C', b"DELETE 1\0")].concat();
    client.read(0, &[begun, ready_for_query(b'I')].concat());
    let said = client.said();
    let [Said::Answer(1, Err(_)), Said::Answer(2, Err(_)), Said::Answer(3, Err(error))] = &said[..] else {
        panic!("{said:?}")
    };
    assert!(error.code == Code::Protocol && error.sent, "{error}");
}

#[test]
fn what_is_longer_than_a_message_may_be_ends_no_connection_unless_it_answers_nothing() {
    let mut client = Client::new(URL, &[("max_message_bytes", OptionValue::Number(1000.0))]);
    client.subscribe("chat", 1);
    client.restore();
    client.said();
    let (long, text) = ("x".repeat(100_000), "y".repeat(1001));
    client.read(1, &notification("chat", &text[1..]));
    client.read(1, &notification("chat", &text));
    assert_eq!(client.said(), [Said::Message(1, text[1..].into()), Said::Dropped(1001)]);
    client.ask(1, &["SELECT loud()"]);
    client.written(0);
    let notice = message(b'N', format!("SNOTICE\0M{long}\0\0").as_bytes());
    let setting = message(b'S', format!("search_path\0{long}\0").as_bytes());
    client.read(0, &[notice, setting, number("1")].concat());
    assert_eq!(client.said(), [Said::Answer(1, Ok(one(1)))]);
    client.ask(2, &["SELECT 1 AS long"]);
    client.written(0);
    let answer = [columns(&[(&long, 23)]), row(&["1"]), message(b'C', b"SELECT 1\0"), ready_for_query(b'I')];
    client.read(0, &answer.concat());
    assert!(matches!(&client.said()[..], [Said::Answer(2, Err(error))] if error.code == Code::TooLarge));
    client.read(0, &message(b'1', long.as_bytes()));
    assert!(matches!(&client.said()[..], [Said::Event(Event::Down { .. })]), "that is no answer");
}

#[test]
fn a_transaction_that_fails_is_rolled_back_before_anything_else_is_sent() {
    let mut client = Client::ready();
    client.request(1, RequestKind::Transaction(vec![args(&["SELECT 1"]), args(&["SELECT 1/0"])]));
    client.ask(2, &["SELECT 3"]);
    let written = client.written(0);
    assert!(
        written.contains("BEGIN") && written.contains("COMMIT") && !written.contains("SELECT 3"),
        "{written}"
    );
    let begun = [message(b'1', b""), message(b'2', b""), message(b'C', b"BEGIN\0")].concat();
    let first = [columns(&[("n", 23)]), row(&["1"]), message(b'C', b"SELECT 1\0")].concat();
    client.read(
        0,
        &[begun.clone(), first.clone(), error("22012", "division by zero"), ready_for_query(b'E')].concat(),
    );
    let said = client.said();
    let [Said::Answer(1, Err(error))] = &said[..] else { panic!("{said:?}") };
    assert_eq!(
        error.message,
        "statement 2 of 2 failed, and nothing of the transaction was done: division by zero"
    );
    assert_eq!(client.written(0), r"Q\x00\x00\x00\rROLLBACK\x00");
    client.read(0, &[message(b'C', b"ROLLBACK\0"), ready_for_query(b'I')].concat());
    assert!(client.written(0).contains("SELECT 3"));
    client.read(0, &number("3"));
    assert_eq!(client.said(), [Said::Answer(2, Ok(one(3)))]);

    client.request(3, RequestKind::Transaction(vec![args(&["SELECT 1"])]));
    client.read(0, &[begun, first, message(b'C', b"COMMIT\0"), ready_for_query(b'I')].concat());
    assert_eq!(client.said(), [Said::Answer(3, Ok(Value::Array(vec![one(1)])))]);
}

#[test]
fn rows_beyond_the_bound_are_an_error_and_the_link_lives() {
    let mut client = Client::new(URL, &[("max_message_bytes", OptionValue::Number(1000.0))]);
    client.up();
    client.said();
    let long = "x".repeat(2000);
    for rows in [row(&[&long]), row(&["x"]).repeat(100)] {
        client.ask(1, &["SELECT 1"]);
        client.written(0);
        client.read(
            0,
            &[columns(&[("n", 25)]), rows, message(b'C', b"SELECT 1\0"), ready_for_query(b'I')].concat(),
        );
        assert!(matches!(&client.said()[..], [Said::Answer(1, Err(error))] if error.code == Code::TooLarge));
    }
    client.ask(2, &["SELECT 1"]);
    client.read(0, &number("1"));
    assert_eq!(client.said(), [Said::Answer(2, Ok(one(1)))]);
}

#[test]
fn a_transaction_that_is_taken_back_unsent_blocks_nothing() {
    let mut client = Client::ready();
    client.driver.set_writable(LinkId(0), 0);
    client.request(1, RequestKind::Transaction(vec![args(&["SELECT 1"])]));
    client.advance(10.0);
    let said = client.said();
    assert!(
        matches!(&said[..], [Said::Answer(1, Err(error))] if error.code == Code::Timeout && !error.sent),
        "{said:?}"
    );
    client.driver.set_writable(LinkId(0), usize::MAX);
    client.ask(2, &["SELECT 2"]);
    assert!(client.written(0).contains("SELECT 2"));
    // A statement that was written is awaited even if its caller has given up.
    client.read(0, &number("2"));
    client.request(3, RequestKind::Transaction(vec![args(&["SELECT 3"])]));
    client.written(0);
    client.advance(10.0);
    client.ask(4, &["SELECT 4"]);
    assert!(!client.written(0).contains("SELECT 4"));
}

#[test]
fn what_the_server_has_forgotten_is_prepared_anew_with_every_kind_of_request() {
    let mut client = Client::ready();
    let forgotten = [error("26000", "no such statement"), ready_for_query(b'I')].concat();
    let transaction = || RequestKind::Transaction(vec![args(&["SELECT 1"])]);
    client.publish(1, "chat", "one");
    client.read(0, &published());
    client.ask(2, &["SELECT 1"]);
    client.read(0, &number("1"));
    client.said();
    client.written(0);
    client.publish(3, "chat", "two");
    client.written(0);
    client.read(0, &forgotten);
    assert!(client.said().is_empty());
    assert!(client.written(0).contains("SELECT pg_catalog.pg_notify"), "the text is sent again");
    client.read(0, &published());
    client.request(4, transaction());
    assert!(!client.written(0).contains("SELECT 1"), "it was prepared");
    client.read(0, &[error("26000", "no such statement"), ready_for_query(b'E')].concat());
    client.read(0, &[message(b'C', b"ROLLBACK\0"), ready_for_query(b'I')].concat());
    let written = client.written(0);
    assert!(written.contains("ROLLBACK") && written.contains("SELECT 1"), "{written}");
    // It fails again, this time without a prepared statement: its caller gets the error.
    client.read(0, &forgotten);
    let said = client.said();
    assert!(matches!(&said[..], [Said::Answer(3, Ok(_)), Said::Answer(4, Err(_))]), "{said:?}");
}
