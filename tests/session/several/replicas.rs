//! Of several addresses a replica is passed over, unless one is wanted.

use realtime::backend::{LinkError, OptionValue};
use realtime::model::{Event, LinkId, Role};

use super::{
    MASTER, REPLICA, all_failed, client, gap, greeted, greeted_on_second, next_round, ready, refused,
    subscribed,
};
use crate::client::{BOTH, Resp, life, question};
use crate::sink::Said;

#[test]
fn a_replica_is_passed_over_for_a_master() {
    for resp in BOTH {
        let mut client = client("a,b", &[]);
        client.attempt(0);
        greeted(&mut client, resp, REPLICA);
        client.expect_close(0);
        assert_eq!(client.attempt(0).0, "b:6379");
        greeted(&mut client, resp, MASTER);
        let told = ready(&mut client);
        assert_eq!(
            (told.role, told.address.as_deref(), told.notices),
            (Some(Role::Master), Some("b:6379"), Vec::new())
        );
    }
}

#[test]
fn a_replica_that_is_wanted_is_taken_and_so_is_a_master() {
    for (resp, host) in [(Resp::Two, REPLICA), (Resp::Three, REPLICA), (Resp::Three, MASTER)] {
        let mut client = client("a,b", &[("replica", OptionValue::Boolean(true))]);
        client.attempt(0);
        greeted(&mut client, resp, host);
        assert_eq!(ready(&mut client).address.as_deref(), Some("a:6379"));
    }
}

/// An old server, or a proxy.
#[test]
fn a_server_that_names_no_role_is_taken() {
    let mut client = client("a,b", &[]);
    client.attempt(0);
    greeted(&mut client, Resp::Three, super::Host { role: "unheard-of", ..MASTER });
    assert_eq!(ready(&mut client).role, None);
}

#[test]
fn replicas_alone_are_tried_until_one_is_promoted_and_the_error_names_them() {
    for resp in BOTH {
        let mut client = client("a,b", &[]);
        client.attempt(0);
        greeted(&mut client, resp, REPLICA);
        client.expect_close(0);
        client.attempt(0);
        greeted(&mut client, resp, REPLICA);
        let error = all_failed(&mut client);
        assert_eq!(error.code.as_str(), "UNSUPPORTED");
        for words in ["a:6379: the server is a replica", "b:6379: the server is a replica", "replica = true"]
        {
            assert!(error.message.contains(words), "{words}: {error}");
        }
        client.expect_close(0);
        assert_eq!(next_round(&mut client), "a:6379");
        greeted(&mut client, resp, MASTER);
        assert_eq!(ready(&mut client).address.as_deref(), Some("a:6379"));
    }
}

#[test]
fn a_sentinels_port_is_named_as_one() {
    for resp in BOTH {
        let mut client = client("a:26379,b", &[]);
        client.attempt(0);
        greeted(&mut client, resp, super::Host { id: "s", role: "sentinel", mode: "sentinel" });
        client.expect_close(0);
        assert_eq!(client.attempt(0).0, "b:6379");
        refused(&mut client, "b:6379");
        let error = all_failed(&mut client);
        assert_eq!(error.code.as_str(), "UNSUPPORTED");
        assert!(error.message.contains("a:26379: a Sentinel answers there"), "{error}");
    }
}

/// First the master becomes a replica, later the replica a master.
#[test]
fn roles_swapped_under_a_client_are_followed_and_the_gap_reaches_back_to_the_last_master() {
    for resp in BOTH {
        let mut client = subscribed("a,b", resp);
        client.advance(15.0);
        let seen = client.driver.now;
        client.commands(0);
        client.server(0, life(question(resp)).unwrap());
        client.commands(1);
        client.server(1, b"*2\r\n$4\r\npong\r\n$0\r\n\r\n");
        client.advance(15.1);
        assert_eq!(client.commands(0), [question(resp)]);
        client.message("chat", "from the new master");
        client.said();
        // It is a replica now.
        match resp {
            Resp::Three => client.server(0, b"%1\r\n+role\r\n+replica\r\n"),
            Resp::Two => client.server(0, b"*1\r\n+slave\r\n"),
        }
        let (error, wait) = client.expect_down();
        assert!(error.message.starts_with("a:6379: the server has become a replica"), "{error}");
        assert!(wait.is_zero());
        client.expect_close(0);
        assert_eq!(client.attempt(0).0, "b:6379");
        if resp == Resp::Two {
            client.expect_close(1);
        }
        // The other one is still a replica.
        greeted(&mut client, resp, REPLICA);
        let error = all_failed(&mut client);
        assert!(error.message.contains("a:6379: the server has become a replica"), "{error}");
        assert!(error.message.contains("b:6379: the server is a replica"), "{error}");
        client.expect_close(0);
        assert_eq!(next_round(&mut client), "a:6379");
        greeted(&mut client, resp, super::Host { id: "m", ..REPLICA });
        client.expect_close(0);
        assert_eq!(client.attempt(0).0, "b:6379");
        greeted(&mut client, resp, super::Host { id: "r", ..MASTER });
        if resp == Resp::Two {
            client.await_attempt();
            assert_eq!(client.attempt(1).0, "b:6379");
            greeted_on_second(&mut client, super::Host { id: "r", ..MASTER });
        }
        client.confirm("subscribe", "chat");
        let said = client.said();
        assert_eq!(gap(&said), client.driver.now - seen);
        let Some(Said::Event(Event::Ready(ready))) = said.last() else { panic!("{said:?}") };
        assert_eq!(ready.address.as_deref(), Some("b:6379"));
        assert_eq!(client.action(), None);
    }
}

/// The one address that there is may lead to a replica.
#[test]
fn one_address_is_kept_though_its_server_is_a_replica() {
    for resp in BOTH {
        let mut client = client("a", &[]);
        client.attempt(0);
        greeted(&mut client, resp, REPLICA);
        let told = ready(&mut client);
        assert_eq!(told.notices.len(), 1);
        client.driver.lost(LinkId(0), LinkError::Eof);
        assert_eq!(client.expect_down().0.message, "the server closed the connection");
    }
}
