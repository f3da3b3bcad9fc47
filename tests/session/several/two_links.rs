//! RESP2's two links: that of the subscriptions goes to the server of the other one.

use std::io;

use realtime::backend::{Connected, LinkError};
use realtime::model::LinkId;

use super::{Host, MASTER, client, gap, greeted, greeted_on_second, subscribed};
use crate::client::Resp;

const OTHER: Host = Host { id: "other", ..MASTER };

#[test]
fn the_second_link_goes_to_the_server_of_the_first() {
    let mut client = client("a,b,c", &[]);
    client.subscribe("chat", 1);
    client.attempt(0);
    super::refused(&mut client, "a:6379");
    client.attempt(0);
    greeted(&mut client, Resp::Two, MASTER);
    assert_eq!(client.attempt(1).0, "b:6379");
    // It is refused there: the next attempt goes there again.
    let source = io::Error::from(io::ErrorKind::ConnectionRefused);
    client.lost(1, LinkError::Connect { address: "b:6379".into(), source });
    client.expect_down();
    client.await_attempt();
    assert_eq!(client.attempt(1).0, "b:6379");
}

#[test]
fn commands_that_move_take_the_subscriptions_along() {
    let mut client = subscribed("a,b", Resp::Two);
    client.lost(0, LinkError::Eof);
    client.expect_down();
    assert_eq!(client.attempt(0).0, "b:6379");
    greeted(&mut client, Resp::Two, OTHER);
    client.expect_close(1);
    client.await_attempt();
    assert_eq!(client.attempt(1).0, "b:6379");
    greeted_on_second(&mut client, OTHER);
    client.confirm("subscribe", "chat");
    gap(&client.said());
    assert_eq!(client.action(), None);
}

/// An attempt of the second link to the old server is of no use any more.
#[test]
fn an_attempt_of_the_second_link_ends_with_the_first() {
    let mut client = subscribed("a,b", Resp::Two);
    client.lost(1, LinkError::Eof);
    client.expect_down();
    client.await_attempt();
    assert_eq!(client.attempt(1).0, "a:6379");
    client.lost(0, LinkError::Eof);
    client.expect_close(1);
    assert_eq!(client.attempt(0).0, "b:6379");
    greeted(&mut client, Resp::Two, OTHER);
    assert_eq!(client.attempt(1).0, "b:6379");
}

/// The second link finds that its name leads elsewhere by now: the first one follows it, to the same name.
#[test]
fn a_name_that_moved_is_not_left() {
    let mut client = subscribed("a,b", Resp::Two);
    client.lost(1, LinkError::Eof);
    client.expect_down();
    client.await_attempt();
    client.attempt(1);
    greeted_on_second(&mut client, OTHER);
    client.expect_close(0);
    client.await_attempt();
    assert_eq!(client.attempt(0).0, "a:6379");
    client.driver.connected(LinkId(0), Connected::default());
}
