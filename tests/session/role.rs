//! The server's role: master, replica, and a change of role.

use realtime::backend::OptionValue;
use realtime::model::{Event, Ready, RequestKind, Role, State};

use crate::client::{
    BOTH, Client, HELLO3, INTRODUCTION, MASTER, Resp, SETINFO, WELCOME, args, life, question,
};
use crate::sink::{Said, failure};

const REPLICA_HELLO: &[u8] =
    b"%4\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n\
    $4\r\nrole\r\n$7\r\nreplica\r\n";
const REPLICA: &[u8] = b"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:14\r\n";
const READONLY: &[u8] = b"-READONLY You can't write against a read only replica.\r\n";

/// The answer of a replica to the question for the role.
fn replica(resp: Resp) -> &'static [u8] {
    if resp == Resp::Three { REPLICA_HELLO } else { REPLICA }
}

/// Answers the handshake as a replica.
fn welcomed_by_replica(client: &mut Client, resp: Resp) {
    match resp {
        Resp::Three => {
            client.server(0, REPLICA_HELLO);
            assert_eq!(client.commands(0).last().map(String::as_str), Some("PING"));
            client.server(0, WELCOME);
        }
        Resp::Two => {
            client.server(0, b"-ERR unknown command 'HELLO'\r\n");
            client.server(0, b"+OK\r\n+OK\r\n$45\r\nredis_version:5.0.14\r\nredis_mode:standalone\r\n\r\n");
            client.server(0, &[REPLICA, b"+PONG\r\n"].concat());
        }
    }
    client.subscriber = u8::from(resp == Resp::Two);
    client.commands(0);
}

/// Expects that the client is ready, and nothing else.
fn ready(client: &mut Client) -> Ready {
    let said = client.said();
    let [Said::Event(Event::Ready(ready))] = &said[..] else { panic!("{said:?}") };
    ready.clone()
}

/// The fields of a server's INFO, and those of `ready`.
#[test]
fn infos_words_are_read_as_each_server_writes_them() {
    for (info, server, version, mode) in [
        ("redis_version:5.0.14\r\nredis_mode:cluster", "redis", "5.0.14", Some("cluster")),
        ("redis_version:3.0.5", "redis", "3.0.5", None),
        (
            "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\nserver_mode:cluster",
            "valkey",
            "8.0.1",
            Some("cluster"),
        ),
        (
            "redis_version:7.2.4\r\nserver_name:another\r\nredis_mode:standalone",
            "another",
            "7.2.4",
            Some("standalone"),
        ),
    ] {
        let mut client = Client::new("redis://server", &[("protocol", OptionValue::Number(2.0))]);
        client.connected(0);
        client.commands(0);
        let info = format!("# Server\r\n{info}\r\nos:Linux\r\n");
        let answers = format!("+OK\r\n+OK\r\n${}\r\n{info}\r\n*0\r\n+PONG\r\n", info.len());
        client.server(0, answers.as_bytes());
        let told = ready(&mut client);
        assert_eq!(
            (told.server.as_deref(), told.version.as_deref()),
            (Some(server), Some(version)),
            "{info}"
        );
        assert_eq!(told.mode.as_deref(), mode, "{info}");
    }
}

#[test]
fn ready_tells_role_and_mode() {
    for resp in BOTH {
        let mut client = Client::new("redis://server", &[]);
        client.handshake(resp);
        let told = ready(&mut client);
        assert_eq!((told.role, told.notices.len()), (Some(Role::Master), 0));
        assert_eq!(client.counters.role(), Some(Role::Master));
        assert_eq!(told.mode.as_deref(), if resp == Resp::Three { Some("standalone") } else { None });

        for (accepted, told_once) in [(false, true), (true, false)] {
            let mut client = Client::new("redis://server", &[("replica", OptionValue::Boolean(accepted))]);
            client.connected(0);
            welcomed_by_replica(&mut client, resp);
            let told = ready(&mut client);
            assert_eq!((told.role, told.mode.as_deref()), (Some(Role::Replica), Some("standalone")));
            assert_eq!(!told.notices.is_empty(), told_once);
            assert_eq!(client.counters.role(), Some(Role::Replica));
            // Once is enough.
            client.lost(0, realtime::backend::LinkError::Eof);
            client.said();
            client.reconnect(0);
            welcomed_by_replica(&mut client, resp);
            assert_eq!(ready(&mut client).notices, [""; 0]);
        }
    }
}

#[test]
fn a_master_that_becomes_a_replica_is_left_once() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[]);
        client.said();
        // The messages that keep the link alive do not put the question off.
        client.commands(0);
        for _ in 0..3 {
            client.advance(4.0);
            client.message("chat", "x");
        }
        assert_eq!(client.commands(0), Vec::<String>::new());
        client.advance(3.1);
        assert_eq!(client.commands(0), [question(resp)]);
        client.server(0, life(question(resp)).unwrap());
        client.advance(1.0);
        client.message("chat", "x");
        client.said();
        client.advance(14.0);
        assert_eq!(client.commands(0), [question(resp)]);
        client.server(0, replica(resp));
        let (error, _) = client.expect_down();
        assert_eq!(error.code.as_str(), "DISCONNECTED");
        assert!(error.message.contains("has become a replica"), "{error}");
        client.expect_close(0);
        if resp == Resp::Two {
            client.expect_close(1);
        }
        client.commands(0);
        client.commands(1);
        // It is still the same server: the client stays, reports it, and keeps asking.
        client.reconnect(0);
        welcomed_by_replica(&mut client, resp);
        if resp == Resp::Two {
            client.reconnect(1);
            assert_eq!(client.commands(1), INTRODUCTION);
            client.server(1, WELCOME);
        }
        client.confirm("subscribe", "chat");
        let said = client.said();
        // Messages published to the new master after the old one last reported that it is a master are missing.
        let Said::Event(Event::Gap { lasted, .. }) = &said[0] else { panic!("{said:?}") };
        assert!(lasted.as_secs_f64() >= 15.0 && lasted.as_secs_f64() < 16.0, "{lasted:?}");
        let Some(Said::Event(Event::Ready(told))) = said.last() else { panic!("{said:?}") };
        assert!(told.notices.iter().any(|notice| notice.contains("replica = true")), "{told:?}");
        client.fence(2);
        for _ in 0..10 {
            client.advance(7.5);
            client.message("chat", "x");
            let asked = client.commands(0);
            if !asked.is_empty() {
                // A replica may have lost its data.
                assert_eq!(asked, [question(resp), "PING"]);
                client.server(0, &[replica(resp), b"+PONG\r\n"].concat());
            }
        }
        assert!(!client.said().iter().any(|said| matches!(said, Said::Event(_))));
        assert_eq!(client.counters.state(), State::Ready);
        // A replica that becomes a master is where it should be.
        client.advance(7.5);
        client.message("chat", "x");
        client.advance(7.6);
        assert_eq!(client.commands(0), [question(resp), "PING"]);
        client.server(0, &[life(question(resp)).unwrap(), b"+PONG\r\n"].concat());
        assert!(!client.said().iter().any(|said| matches!(said, Said::Event(_))));
        assert_eq!(client.counters.role(), Some(Role::Master));
        client.advance(15.1);
        assert_eq!(client.commands(0), [question(resp)]);
    }
}

#[test]
fn a_server_that_is_a_replica_when_it_is_back_was_one_before_the_link_was_lost() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[]);
        client.advance(10.0);
        client.message("chat", "x");
        client.said();
        client.lost(0, realtime::backend::LinkError::Eof);
        if resp == Resp::Two {
            client.lost(1, realtime::backend::LinkError::Eof);
        }
        client.reconnect(0);
        welcomed_by_replica(&mut client, resp);
        if resp == Resp::Two {
            client.reconnect(1);
            client.server(1, WELCOME);
        }
        let said = client.said();
        let gap = said.iter().find_map(|said| match said {
            Said::Event(Event::Gap { lasted, .. }) => Some(lasted.as_secs_f64()),
            _ => None,
        });
        assert!(gap.is_some_and(|gap| (10.0..11.0).contains(&gap)), "{said:?}");
    }
}

#[test]
fn a_client_that_is_replaced_cannot_say_that_its_server_was_still_a_master() {
    for resp in BOTH {
        let mut client = Client::subscribed(resp, &[]);
        client.advance(10.0);
        client.message("chat", "x");
        client.said();
        client.disconnect(1.0);
        let said = client.said();
        let Some(Said::Event(Event::Gap { lasted, .. })) = said.first() else { panic!("{said:?}") };
        assert!((10.0..11.0).contains(&lasted.as_secs_f64()), "{lasted:?}");
    }
}

#[test]
fn readonly_is_a_reason_to_ask_at_once_and_no_verdict() {
    for resp in BOTH {
        for (refusal, commands) in [
            (READONLY, vec![]),
            // In the middle of a transaction, and in the form of an old server's script error.
            (&[b"+OK\r\n", READONLY, b"-EXECABORT no\r\n"].concat(), vec![args(&["SET", "a", "b"])]),
            (b"-ERR Error running script: @user_script: 1: -READONLY You can't write\r\n", vec![]),
        ] {
            let mut client = Client::ready(resp, &[]);
            client.advance(3.0);
            let kind = if commands.is_empty() {
                RequestKind::Command(args(&["SET", "a", "b"]))
            } else {
                RequestKind::Transaction(commands)
            };
            client.request(1, 10.0, kind);
            client.commands(0);
            client.server(0, refusal);
            assert!(failure(&client.said()).2);
            client.advance(0.0);
            assert_eq!(client.commands(0), [question(resp)]);
            // A script said so.
            client.server(0, life(question(resp)).unwrap());
            assert_eq!(client.said(), []);
            // However many there are, the question comes once a second.
            client.get(2, "a");
            client.commands(0);
            client.server(0, READONLY);
            client.said();
            client.advance(0.9);
            assert_eq!(client.commands(0), Vec::<String>::new());
            client.advance(0.2);
            assert_eq!(client.commands(0), [question(resp)]);
            client.server(0, replica(resp));
            assert!(client.expect_down().0.message.contains("has become a replica"));
        }
    }
}

#[test]
fn an_idle_client_is_woken_by_one_question_in_each_interval() {
    for resp in BOTH {
        let mut client = Client::ready(resp, &[]);
        for _ in 0..20 {
            let due = client.driver.session.poll_timeout().expect("the next question");
            assert!(due - client.driver.now >= std::time::Duration::from_secs_f64(14.8));
            client.driver.now = due;
            client.driver.fire();
            assert_eq!(client.commands(0), [question(resp)]);
            client.driver.now += std::time::Duration::from_secs_f64(0.1);
            client.server(0, life(question(resp)).unwrap());
        }
        assert_eq!(client.said(), []);
    }
}

#[test]
fn where_role_is_refused_info_tells_and_where_both_are_ping_looks_for_life() {
    let mut client = Client::new("redis://server", &[("protocol", OptionValue::Number(2.0))]);
    client.connected(0);
    client.commands(0);
    client.server(0, b"+OK\r\n+OK\r\n-NOPERM no info\r\n-NOPERM no role\r\n+PONG\r\n");
    assert_eq!(client.commands(0), ["INFO replication"]);
    assert_eq!(client.said(), []);
    client.server(0, b"$28\r\n# Replication\r\nrole:master\r\n\r\n");
    assert_eq!(ready(&mut client).role, Some(Role::Master));
    client.advance(15.1);
    assert_eq!(client.commands(0), ["ROLE"]);
    client.server(0, b"-NOPERM no role\r\n");
    assert_eq!(client.commands(0), ["INFO replication"]);
    client.server(0, b"$28\r\n# Replication\r\nrole:master\r\n\r\n");
    client.advance(15.1);
    assert_eq!(client.commands(0), ["INFO replication"], "ROLE is not tried again");
    client.server(0, b"-NOPERM no info\r\n");
    client.advance(15.1);
    assert_eq!(client.commands(0), ["PING"]);
    client.server(0, b"+PONG\r\n");
    assert_eq!(client.said(), []);
    // The ACL is corrected.
    client.advance(15.1);
    assert_eq!(client.commands(0), ["ROLE"]);
    client.server(0, REPLICA);
    assert!(client.expect_down().0.message.contains("has become a replica"));
}

#[test]
fn a_connection_whose_hello_is_refused_for_a_while_is_watched_all_the_same() {
    let mut client = Client::ready(Resp::Three, &[]);
    client.advance(15.1);
    assert_eq!(client.commands(0), ["HELLO 3"]);
    client.server(0, b"-NOPERM this user has no permissions to run the 'hello' command\r\n");
    assert_eq!(client.commands(0), ["ROLE"]);
    client.server(0, b"-NOPERM this user has no permissions to run the 'role' command\r\n");
    assert_eq!(client.commands(0), ["INFO replication"]);
    client.server(0, b"-NOPERM this user has no permissions to run the 'info' command\r\n");
    assert_eq!(client.said(), []);
    client.advance(15.1);
    assert_eq!(client.commands(0), ["PING"]);
    client.server(0, b"+PONG\r\n");
    client.advance(15.1);
    assert_eq!(client.commands(0), ["HELLO 3"]);
    client.server(0, REPLICA_HELLO);
    assert!(client.expect_down().0.message.contains("has become a replica"));
}

#[test]
fn an_odd_answer_tells_nothing_and_changes_nothing() {
    for resp in BOTH {
        for odd in [
            &b"+OK\r\n"[..],
            b"*0\r\n",
            b":1\r\n",
            b"*1\r\n*0\r\n",
            b"-BUSY script\r\n",
            b"*1\r\n+sentinel\r\n",
        ] {
            let mut client = Client::ready(resp, &[]);
            for _ in 0..3 {
                client.advance(15.1);
                assert_eq!(client.commands(0), [question(resp)]);
                client.server(0, odd);
            }
            assert_eq!(client.said(), []);
            assert_eq!(client.counters.role(), Some(Role::Master));
        }
    }
}

#[test]
fn the_question_changes_nothing_else() {
    let mut client = Client::new("redis://u:p@server/3", &[("name", crate::client::option_text("n"))]);
    client.connected(0);
    assert_eq!(client.commands(0), ["HELLO 3 AUTH u p SETNAME n"]);
    client.server(0, HELLO3);
    assert_eq!(client.commands(0), ["SELECT 3", SETINFO[0], SETINFO[1], "INFO server", "PING"]);
    client.server(0, &[b"+OK\r\n", WELCOME].concat());
    client.expect_ready(true, Resp::Three);
    client.advance(15.1);
    assert_eq!(client.commands(0), ["HELLO 3"], "neither login nor name, which the server keeps");
    assert_eq!(life("ROLE"), Some(MASTER));
}

#[test]
fn where_hello_says_nothing_of_the_role_it_is_asked_for_by_name() {
    let mut client = Client::new("redis://server", &[]);
    client.connected(0);
    client.commands(0);
    client.server(0, b"+OK\r\n");
    client.server(0, WELCOME);
    assert_eq!(ready(&mut client).role, None);
    client.commands(0);
    client.advance(15.1);
    assert_eq!(client.commands(0), ["ROLE", "PING"]);
    client.server(0, &[REPLICA, b"+PONG\r\n"].concat());
    assert_eq!(client.counters.role(), Some(Role::Replica));
}
