//! When the server is asked again, and what is reported meanwhile.

use realtime::backend::LinkError;
use realtime::model::{Event, State, TopicKind};

use super::{BUSY, FORBIDDEN, answer, deaf, figures, refused, until_asked};
use crate::client::{BOTH, topic};
use crate::sink::{Said, message, subscribed};

#[test]
fn a_refused_topic_is_asked_for_again_ever_more_rarely() {
    for (error, shortest, longest) in [(BUSY, 1.0, 30.0), (FORBIDDEN, 30.0, 300.0), ("ERR what?", 1.0, 30.0)]
    {
        for resp in BOTH {
            let mut client = refused(resp, error);
            let mut pause: f64 = shortest;
            let mut waits = Vec::new();
            for _ in 0..12 {
                let (asked, waited) = until_asked(&mut client, error);
                assert_eq!(asked, ["SUBSCRIBE chat"]);
                assert!((pause / 2.0 - 1e-6..=pause + 1e-6).contains(&waited), "{waited} s, not {pause}");
                waits.push(waited / pause);
                pause = (pause * 2.0).min(longest);
            }
            assert!(waits.iter().any(|&part| part < 0.7) && waits.iter().any(|&part| part > 0.8), "jitter");
        }
    }
}

#[test]
fn each_reason_is_told_once() {
    for resp in BOTH {
        let mut client = refused(resp, BUSY);
        let reasons = [BUSY, BUSY, "MASTERDOWN no master", "MASTERDOWN no master", FORBIDDEN, FORBIDDEN];
        let mut told = Vec::new();
        for reason in reasons {
            for said in client.said() {
                let Said::Event(Event::SubscribeFailed { topic: refused, error }) = said else {
                    panic!("{said:?}")
                };
                assert_eq!(refused, topic(TopicKind::Channel, "chat"));
                told.push(error.code.as_str().to_owned());
            }
            until_asked(&mut client, reason);
        }
        assert_eq!(told, ["BUSY", "MASTERDOWN", "NOPERM"]);
        assert_eq!(client.said(), []);
    }
}

#[test]
fn a_reason_whose_words_change_is_told_once() {
    for resp in BOTH {
        let mut client = refused(resp, "ERR upstream failure, request 1");
        assert_eq!(client.said().len(), 1);
        for error in ["ERR upstream failure, request 2", "ERR no backend for chat", "ERR again"] {
            until_asked(&mut client, error);
        }
        assert_eq!(client.said(), []);
        assert!(figures(&client).1.unwrap().contains("again"), "the figure has the last words");
        // Nor in turn with another one, and not for ever if each is a new one.
        until_asked(&mut client, BUSY);
        assert_eq!(client.said().len(), 1);
        for _ in 0..3 {
            until_asked(&mut client, "ERR once more");
            until_asked(&mut client, BUSY);
        }
        assert_eq!(client.said(), []);
        for code in ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"] {
            until_asked(&mut client, code);
        }
        assert_eq!(client.said().len(), 6, "eight reasons altogether");
        // A topic that was confirmed and is refused later is news.
        for _ in 0..30 {
            client.advance(1.0);
            answer(&mut client, |_| None);
        }
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")]);
        client.lost(client.subscriber, LinkError::Eof);
        client.subscriber_back(resp);
        client.said();
        answer(&mut client, |_| Some("ERR upstream failure, request 9"));
        let said = client.said();
        assert!(matches!(said[0], Said::Event(Event::SubscribeFailed { .. })), "{said:?}");
    }
}

#[test]
fn what_the_server_takes_at_last_is_subscribed() {
    for resp in BOTH {
        let mut client = refused(resp, BUSY);
        assert_eq!(figures(&client).0, 1);
        let text = figures(&client).1.unwrap();
        assert_eq!(text, "channel \"chat\": BUSY: Redis is busy running a script");
        client.said();
        client.advance(1.0);
        assert_eq!(answer(&mut client, |_| None), ["SUBSCRIBE chat"]);
        assert_eq!(client.said(), [subscribed(TopicKind::Channel, "chat")], "and neither gap nor ready");
        assert_eq!((client.confirmed(), figures(&client)), (1, (0, None)));
        client.message("chat", "x");
        assert_eq!(client.said(), [message(1, "x")]);
        client.advance(14.0);
        assert_eq!(answer(&mut client, |_| None), Vec::<String>::new(), "it is settled");
    }
}

#[test]
fn asking_again_holds_nothing_back() {
    for resp in BOTH {
        let mut client = refused(resp, BUSY);
        client.advance(1.0);
        // It is asked for, and the server is slow to answer.
        assert_eq!(client.commands(client.subscriber), ["SUBSCRIBE chat", "PING realtime:2"]);
        client.publish(9, "news", "hello");
        assert_eq!(client.commands(0), ["PUBLISH news hello"]);
        // Nor is the connection ready later for it: the next one asks again, and is refused first.
        let mut client = deaf(resp);
        assert_eq!(client.counters.state(), State::Ready);
        client.publish(9, "news", "hello");
        assert_eq!(client.commands(0), ["PUBLISH news hello"]);
    }
}

#[test]
fn nothing_is_asked_for_that_nobody_wants() {
    for resp in BOTH {
        for forbidden in [BUSY, FORBIDDEN] {
            let mut client = refused(resp, forbidden);
            client.subscribe("keeps.the.link", 2);
            answer(&mut client, |_| None);
            client.unsubscribe("chat");
            assert_eq!(figures(&client), (0, None));
            for _ in 0..400 {
                client.advance(1.0);
                assert_eq!(answer(&mut client, |_| None), Vec::<String>::new());
            }
        }
        // Nor by a client that ends.
        let mut client = refused(resp, BUSY);
        client.get(1, "x");
        client.disconnect(5.0);
        client.advance(2.0);
        assert_eq!(figures(&client), (0, None));
        assert!(!answer(&mut client, |_| None).iter().any(|command| command.starts_with("SUBSCRIBE")));
    }
}

#[test]
fn the_figure_names_one_that_is_refused_still() {
    for resp in BOTH {
        let mut client = refused(resp, BUSY);
        client.psubscribe("b*", 2);
        answer(&mut client, |_| Some(FORBIDDEN));
        assert_eq!(figures(&client).0, 2);
        assert!(figures(&client).1.unwrap().starts_with("channel \"chat\" and 1 more: BUSY"));
        client.unsubscribe("chat");
        assert_eq!(figures(&client).0, 1);
        assert!(figures(&client).1.unwrap().starts_with("pattern \"b*\": NOPERM"));
        client.lost(client.subscriber, LinkError::Eof);
        assert_eq!(figures(&client), (0, None), "nothing is known of the next connection");
    }
}
