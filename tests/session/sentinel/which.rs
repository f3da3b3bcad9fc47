//! Which Sentinel is asked and how, and what is reported about those that cannot be used.

use std::time::Duration;

use realtime::backend::LinkError;
use realtime::model::State;

use super::*;
use crate::client::option_text;

#[test]
fn a_sentinel_is_asked_and_the_master_that_it_names_is_connected_to() {
    for resp in BOTH {
        let mut client = client("s1,s2", &[]);
        assert_eq!(client.attempt(WATCH).0, "s1:26379");
        client.driver.connected(LinkId(WATCH), Connected::default());
        assert_eq!(client.commands(WATCH), ["HELLO 3"]);
        assert_eq!(client.counters.state(), State::Connecting);
        match resp {
            // The announcements come first: no switch falls between the answer and them.
            Resp::Three => {
                client.server(WATCH, b"%1\r\n+mode\r\n+sentinel\r\n");
                assert_eq!(client.commands(WATCH)[..2], ["SUBSCRIBE +switch-master", QUESTIONS[0]]);
                client.server(WATCH, b">3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
            }
            // A link that is subscribed takes no questions there.
            Resp::Two => {
                client.server(WATCH, b"-ERR unknown command 'HELLO'\r\n");
                assert_eq!(client.commands(WATCH), QUESTIONS);
            }
        }
        assert_eq!(client.action(), None, "nothing is connected to before it is named");
        client.server(WATCH, A.answers().as_bytes());
        assert_eq!(client.attempt(0).0, "a:6379");
        several::greeted(&mut client, resp, MASTER);
        assert_eq!(several::ready(&mut client).address.as_deref(), Some("a:6379"));
        assert_eq!(client.counters.address().as_deref(), Some("a:6379"));
        assert_eq!(sentinel(&client), [Some("s1:26379".into()), None]);
    }
}

#[test]
fn masters_are_named_by_name_by_ipv6_address_and_by_anything_else_not_at_all() {
    for (master, expected) in [
        ("redis-0.svc 6380", "redis-0.svc:6380"),
        ("fd00::5 6379", "[fd00::5]:6379"),
        ("10.0.0.5 1", "10.0.0.5:1"),
    ] {
        let mut client = client("s1", &[]);
        client.attempt(WATCH);
        let_in(&mut client, Resp::Three);
        tells(&mut client, Knows { master, ..A });
        assert_eq!(client.attempt(0).0, expected);
    }
    for answer in
        ["*2\r\n$1\r\na\r\n$1\r\n0\r\n", "+a:6379\r\n", "*0\r\n", ":1\r\n", "*2\r\n$3\r\na:b\r\n$1\r\n1\r\n"]
    {
        let mut client = client("s1", &[]);
        client.attempt(WATCH);
        let_in(&mut client, Resp::Three);
        client.server(WATCH, answer.as_bytes());
        let (error, _) = client.expect_down();
        assert_eq!(error.code.as_str(), "PROTOCOL");
        assert_eq!(
            error.message,
            "the Sentinel s1:26379: the address that it gives for mymaster is not valid"
        );
    }
}

#[test]
fn each_sentinel_has_its_turn_and_its_word_if_none_is_of_use() {
    let pairs = [("sentinel_username", option_text("watcher")), ("sentinel_password", option_text("sesame"))];
    let mut client = client("s1,s2:7000,s3,s4", &pairs);
    let (first, time) = client.attempt(WATCH);
    assert_eq!((first.as_str(), time), ("s1:26379", Duration::from_millis(1250)), "its share of the time");
    unreachable(&mut client, "10.0.0.1:26379");
    assert_eq!(client.attempt(WATCH).0, "s2:7000");
    client.driver.connected(LinkId(WATCH), Connected::default());
    assert_eq!(client.commands(WATCH), ["HELLO 3 AUTH watcher sesame"]);
    client.server(WATCH, b"-WRONGPASS invalid username-password pair or sesame is disabled.\r\n");
    client.expect_close(WATCH);
    assert_eq!(client.attempt(WATCH).0, "s3:26379");
    client.driver.connected(LinkId(WATCH), Connected::default());
    client.commands(WATCH);
    client.server(WATCH, b"%1\r\n+mode\r\n+standalone\r\n");
    client.commands(WATCH);
    client.server(WATCH, b">3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n");
    client.server(
        WATCH,
        b"-ERR unknown command 'SENTINEL', with args beginning with: 'GET-MASTER-ADDR-BY-NAME' \r\n",
    );
    client.expect_close(WATCH);
    assert_eq!(client.attempt(WATCH).0, "s4:26379");
    assert_eq!(client.said(), [], "there are others to try");
    // It sends nothing.
    client.driver.connected(LinkId(WATCH), Connected::default());
    client.advance(6.0);
    let (error, wait) = client.expect_down();
    assert!(wait > Duration::ZERO);
    let text = error.to_string();
    for words in [
        "none of the 4 Sentinels can be used: the Sentinel s1:26379: cannot connect to 10.0.0.1:26379",
        "the Sentinel s2:7000: it does not take sentinel_username and sentinel_password",
        "the Sentinel s3:26379: a Redis answers there, not a Sentinel",
        "the Sentinel s4:26379: the server was reached but did not answer within",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("sesame"), "{text}");
    assert_eq!(sentinel(&client), [None, Some(text)]);
    // The next round has begun with the next one.
    client.expect_close(WATCH);
    assert_eq!(client.attempt(WATCH).0, "s1:26379");
    for address in ["s2:7000", "s3:26379", "s4:26379"] {
        unreachable(&mut client, "10.0.0.1:26379");
        assert_eq!(client.attempt(WATCH).0, address);
    }
    unreachable(&mut client, "10.0.0.1:26379");
    client.expect_down();
    assert_eq!(client.counters.state(), State::Waiting);
}

#[test]
fn a_name_that_is_unknown_is_told_beside_those_that_are_known() {
    // For each master there is about a kilobyte. An answer that is too long to be kept does not mean that there is
    // none.
    let hundreds = format!("*300\r\n{}", format!("*2\r\n+name\r\n+{}\r\n", "m".repeat(1000)).repeat(300));
    for (masters, known) in [
        ("*0\r\n", ", it watches no master at all;"),
        ("*1\r\n*2\r\n+name\r\n+main\r\n", ", it watches \"main\" alone;"),
        ("*2\r\n%1\r\n+name\r\n+main\r\n%1\r\n+name\r\n+chat\r\n", ", it watches \"main\" and chat;"),
        ("-NOPERM no\r\n", "; the name is the one in sentinel.conf"),
        (&hundreds, "; the name is the one in sentinel.conf"),
    ] {
        let mut client = client("s1", &[]);
        client.attempt(WATCH);
        let_in(&mut client, Resp::Three);
        client.commands(WATCH);
        client.server(
            WATCH,
            b"_\r\n-ERR No such master with that name\r\n-ERR No such master with that name\r\n",
        );
        assert_eq!(client.commands(WATCH), ["SENTINEL MASTERS"]);
        client.server(WATCH, masters.as_bytes());
        let (error, _) = client.expect_down();
        let start = "the Sentinel s1:26379: it knows no master called \"mymaster\"";
        assert!(error.message.starts_with(&format!("{start}{known}")), "{error}");
    }
}

#[test]
fn a_sentinel_that_wants_a_password_is_told_as_such_and_so_is_the_master() {
    let mut client = client("s1", &[]);
    client.attempt(WATCH);
    client.driver.connected(LinkId(WATCH), Connected::default());
    client.commands(WATCH);
    client.server(WATCH, b"-NOAUTH HELLO must be called with the client already authenticated\r\n");
    let (error, _) = client.expect_down();
    assert!(
        error.message.contains("it wants a password of its own: set the option sentinel_password"),
        "{error}"
    );
    // The URL's login is for the master, and is not sent to Sentinels.
    let mut client = super::client("user:secret@s1", &[("sentinel_password", option_text("sesame"))]);
    client.attempt(WATCH);
    client.driver.connected(LinkId(WATCH), Connected::default());
    assert_eq!(client.commands(WATCH), ["HELLO 3 AUTH default sesame"]);
    client.server(WATCH, b"-ERR unknown command 'HELLO'\r\n");
    assert_eq!(client.commands(WATCH), ["AUTH sesame"]);
    client.server(WATCH, b"+OK\r\n");
    tells(&mut client, A);
    client.attempt(0);
    client.driver.connected(LinkId(0), Connected::default());
    assert_eq!(client.commands(0), ["HELLO 3 AUTH user secret"]);
    client.server(0, b"-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    let (error, _) = client.expect_down();
    let start = "a:6379, the master that the Sentinels name: the server refused the login: wrong user name or password";
    assert!(error.message.starts_with(start), "{error}");
}

#[test]
fn a_sentinel_whose_acl_forbids_a_question_is_told_with_what_allows_all_of_them() {
    const FORBIDDEN: &str = "-NOPERM this user has no permissions to run the 'sentinel|ckquorum' command\r\n";
    let login = [("sentinel_username", option_text("watcher")), ("sentinel_password", option_text("sesame"))];
    let remedy = "type into redis-cli on the Sentinel's port: ACL SETUSER watcher +subscribe '&+switch-master' \
                  '+sentinel|get-master-addr-by-name' '+sentinel|ckquorum' '+sentinel|sentinels' '+sentinel|masters'; \
                  the server's words: this user has no permissions";
    for resp in BOTH {
        let mut client = client("s1", &login);
        client.attempt(WATCH);
        let_in(&mut client, resp);
        if resp == Resp::Two {
            client.server(WATCH, b"+OK\r\n");
        }
        client.commands(WATCH);
        client.server(WATCH, FORBIDDEN.repeat(3).as_bytes());
        let (error, _) = client.expect_down();
        assert!(error.message.contains("its ACL forbids what a client asks of it; "), "{error}");
        assert!(error.message.contains(remedy) && !error.message.contains("password"), "{error}");
        // It names the master and may not say whether the others agree.
        let mut client = super::client("s1", &login);
        client.attempt(WATCH);
        let_in(&mut client, resp);
        if resp == Resp::Two {
            client.server(WATCH, b"+OK\r\n");
        }
        let master = words(&["a", "6379"]);
        client.server(WATCH, format!("{master}{FORBIDDEN}*0\r\n").as_bytes());
        assert_eq!(client.attempt(0).0, "a:6379");
        let [Some(_), Some(problem)] = sentinel(&client) else { panic!("{:?}", sentinel(&client)) };
        assert!(
            problem.contains("it does not say whether it reaches enough") && problem.contains(remedy),
            "{problem}"
        );
    }
}

#[test]
fn sentinels_that_were_learned_have_their_turn_too() {
    let mut client = client("s1", &[]);
    client.attempt(WATCH);
    let_in(&mut client, Resp::Three);
    tells(&mut client, Knows { others: &["s2 26380", "s3 26381"], ..A });
    client.attempt(0);
    several::greeted(&mut client, Resp::Three, MASTER);
    several::ready(&mut client);
    for next in ["s2:26380", "s3:26381"] {
        client.lost(WATCH, LinkError::Eof);
        assert_eq!(client.attempt(WATCH).0, next);
    }
    assert_eq!(client.said(), [], "the master is there, and somebody may watch it");
    assert_eq!(sentinel(&client), [None, None]);
}

#[test]
fn a_sentinel_that_falls_silent_is_left_for_the_next() {
    let mut client = subscribed(Resp::Three);
    live(&mut client, 10, A);
    for _ in 0..30 {
        client.advance(1.0);
        let asked = client.commands(0);
        asked.iter().filter_map(|command| crate::client::life(command)).for_each(|it| client.server(0, it));
    }
    client.expect_close(WATCH);
    assert_eq!(client.attempt(WATCH).0, "s2:26379");
    let_in(&mut client, Resp::Three);
    tells(&mut client, A);
    assert_eq!(client.action(), None);
    assert_eq!(client.said(), []);
    assert_eq!(sentinel(&client), [Some("s2:26379".into()), None]);
}

#[test]
fn a_user_who_may_not_subscribe_asks_each_second() {
    let mut client = client("s1", &[]);
    client.attempt(WATCH);
    client.driver.connected(LinkId(WATCH), Connected::default());
    client.commands(WATCH);
    client.server(WATCH, b"%1\r\n+mode\r\n+sentinel\r\n");
    client
        .server(WATCH, b"-NOPERM User watcher has no permissions to access the '+switch-master' channel\r\n");
    tells(&mut client, A);
    client.attempt(0);
    several::greeted(&mut client, Resp::Three, MASTER);
    for _ in 0..5 {
        client.advance(1.0);
        tells(&mut client, A);
    }
}

#[test]
fn a_named_master_that_is_a_replica_is_not_taken_and_another_sentinel_is_asked() {
    for resp in BOTH {
        let mut client = client("s1,s2", &[]);
        client.attempt(WATCH);
        let_in(&mut client, resp);
        tells(&mut client, A);
        client.attempt(0);
        several::greeted(&mut client, resp, several::REPLICA);
        let (error, _) = client.expect_down();
        assert!(
            error.message.contains("a:6379, the master that the Sentinels name: the server is a replica"),
            "{error}"
        );
        client.expect_close(0);
        client.expect_close(WATCH);
        assert_eq!(client.attempt(WATCH).0, "s2:26379");
        let_in(&mut client, resp);
        tells(&mut client, B);
        assert_eq!(client.attempt(0).0, "b:6379", "no pause that a has earned is b's");
        several::greeted(&mut client, resp, MASTER);
        several::ready(&mut client);
    }
}

#[test]
fn an_answer_to_nothing_and_what_is_no_resp_end_the_link() {
    for bytes in [&b"+OK\r\n"[..], b"-ERR max number of clients reached\r\n", b"HTTP/1.1 400 Bad Request\r\n"]
    {
        let mut client = subscribed(Resp::Three);
        client.server(WATCH, bytes);
        client.expect_close(WATCH);
        assert_eq!(client.attempt(WATCH).0, "s2:26379");
        assert_eq!(client.said(), []);
    }
    let mut client = subscribed(Resp::Three);
    // Pushes that mean nothing.
    client
        .server(WATCH, b">2\r\n+invalidate\r\n*0\r\n>3\r\n$7\r\nmessage\r\n$5\r\n+sdow\r\n$1\r\nx\r\n>0\r\n");
    assert_eq!(client.action(), None);
}
