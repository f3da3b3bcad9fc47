//! Order, rounds and learned nodes, without a session.

use super::*;
use crate::backend::Options;

fn endpoints(url: &str) -> Endpoints {
    let options = Options { url: Some(url.to_owned()), ..Options::default() };
    Endpoints::new(&Config::new(options).unwrap(), 0)
}

fn node(host: &str) -> Endpoint {
    Endpoint::Tcp { host: host.to_owned(), port: 6379 }
}

fn error(text: &'static str) -> Error {
    Error::unsent(Code::Refused, text)
}

fn names(endpoints: &Endpoints) -> Vec<String> {
    endpoints.candidates.iter().map(|candidate| candidate.endpoint.to_string()).collect()
}

#[test]
fn a_round_ends_when_each_was_tried_and_its_error_names_what_each_said() {
    let mut endpoints = endpoints("redis://a,b");
    assert_eq!(endpoints.failed(error("one."), Life::Unused), Turn::Next);
    assert_eq!(*endpoints.present(), node("b"));
    let told = error("none of the 2 addresses can be used: one; two");
    assert_eq!(endpoints.failed(error("two."), Life::Unused), Turn::RoundOver(told));
    assert_eq!(*endpoints.present(), node("a"));
    assert_eq!(endpoints.failed(error("three"), Life::Unused), Turn::Next);
    // The error of b from the round before does not count any more.
    assert_eq!(endpoints.failed(error("four"), Life::Lasting), Turn::Next);
    assert_eq!(*endpoints.present(), node("a"));
}

#[test]
fn what_could_not_be_used_is_tried_again_after_a_brief_connection_and_what_hung_up_is_not() {
    let mut endpoints = endpoints("redis://a,b,c");
    assert_eq!(endpoints.failed(error("a refuses"), Life::Unused), Turn::Next);
    assert_eq!(endpoints.failed(error("b hangs up"), Life::Brief), Turn::Next);
    assert_eq!(*endpoints.present(), node("c"));
    assert_eq!(endpoints.failed(error("c hangs up"), Life::Brief), Turn::Next);
    assert_eq!(*endpoints.present(), node("a"), "it may have recovered");
    let told = error("none of the 3 addresses can be used: a refuses; b hangs up; c hangs up");
    assert_eq!(endpoints.failed(error("a refuses"), Life::Unused), Turn::RoundOver(told));
}

#[test]
fn what_to_do_is_said_once_and_what_has_no_room_is_counted() {
    let mut endpoints = endpoints("redis://a,b,c,d");
    let long = || Error::unsent(Code::Refused, format!("b: {}", "x".repeat(1000)));
    let (mut advised, mut last) = (error("a: no; do this").message, Turn::Next);
    for message in [advised.clone(), "b: neither; do this".into(), long().message, "d: no".into()] {
        last = endpoints.failed(Error::unsent(Code::Refused, message), Life::Unused);
    }
    advised.to_mut().push_str("; b: neither; and 2 more");
    let told = Error::unsent(Code::Refused, format!("none of the 4 addresses can be used: {advised}"));
    assert_eq!(last, Turn::RoundOver(told));
}

#[test]
fn the_error_of_the_only_address_is_told_as_it_is() {
    let mut endpoints = endpoints("redis://a");
    assert_eq!(endpoints.failed(error("one."), Life::Unused), Turn::RoundOver(error("one.")));
    assert_eq!(endpoints.named(&node("a"), error("one")), error("one"));
}

#[test]
fn an_error_names_its_address_once() {
    let endpoints = endpoints("redis://a,b");
    let named = |text| endpoints.named(&node("a"), error(text)).message;
    assert_eq!(named("lost"), "a:6379: lost");
    assert_eq!(named("cannot connect to a:6379"), "cannot connect to a:6379");
}

#[test]
fn attempts_share_the_time_of_a_round_until_one_is_connected() {
    let (mut endpoints, now) = (endpoints("redis://a,b"), Instant::now());
    let second = Duration::from_secs(1);
    assert_eq!(endpoints.deadline(now), now + 5 * second / 2);
    endpoints.failed(error("one"), Life::Unused);
    assert_eq!(endpoints.deadline(now + second), now + 5 * second);
    // The connection may have been in use for long.
    let later = now + 100 * second;
    endpoints.connected();
    assert_eq!(endpoints.deadline(later), later + 5 * second, "what follows has all of it again");
    endpoints.failed(error("two"), Life::Lasting);
    assert_eq!(
        endpoints.deadline(later),
        later + 5 * second,
        "the one that was lost takes no share of a new round"
    );
}

#[test]
fn learned_nodes_take_the_place_of_those_before_but_for_the_present_one() {
    let mut endpoints = endpoints("redis://a,b");
    endpoints.learn(["b", "c", "d", "c"].map(node));
    assert_eq!(names(&endpoints), ["a:6379", "b:6379", "c:6379", "d:6379"]);
    let peer = ([10, 0, 0, 1], 6379).into();
    endpoints.peer_failed(&node("d"), peer);
    endpoints.failed(error("a"), Life::Unused);
    endpoints.failed(error("b"), Life::Unused);
    assert_eq!(*endpoints.present(), node("c"));
    endpoints.learn(["e", "d"].map(node));
    assert_eq!(names(&endpoints), ["a:6379", "b:6379", "e:6379", "d:6379", "c:6379"]);
    assert_eq!(*endpoints.present(), node("c"), "it is in use");
    assert_eq!(endpoints.failed_peer(&node("d")), Some(peer), "it was known already");
    // Both failures were in this round, which goes on.
    endpoints.failed(error("c"), Life::Unused);
    assert_eq!(*endpoints.present(), node("e"));
    endpoints.learn(["e"].map(node));
    assert_eq!(names(&endpoints), ["a:6379", "b:6379", "e:6379"]);
    endpoints.learn((0..100).map(|n| node(&n.to_string())));
    assert_eq!(endpoints.candidates.len(), 2 + MAX_LEARNED + 1);
}

#[test]
fn a_round_ends_though_other_nodes_are_named_each_time() {
    let mut endpoints = endpoints("redis://a");
    let mut names = (0..).map(|n| node(&n.to_string()));
    let mut next = |endpoints: &mut Endpoints| {
        endpoints.learn(names.by_ref().take(MAX_LEARNED));
        endpoints.failed(error("it hung up"), Life::Unused) == Turn::Next
    };
    let tried = (0..100).take_while(|_| next(&mut endpoints)).count();
    assert_eq!(tried, 1 + MAX_LEARNED);
    assert!(next(&mut endpoints), "another round begins");
}

#[test]
fn learned_nodes_take_no_time_away_from_the_configured_ones() {
    let (mut endpoints, now) = (endpoints("redis://a"), Instant::now());
    endpoints.learn(["b", "c", "d"].map(node));
    assert_eq!(endpoints.deadline(now), now + Duration::from_secs(5));
}

#[test]
fn a_cluster_is_asked_for_its_nodes_now_and_then_unless_it_refuses() {
    let (mut endpoints, now) = (endpoints("redis://a"), Instant::now());
    assert!(!endpoints.asks_nodes(now));
    endpoints.is_cluster(now);
    assert!(endpoints.asks_nodes(now) && !endpoints.asks_nodes(now));
    assert!(endpoints.asks_nodes(now + ASK_AGAIN));
    let (now, soon) = (now + ASK_AGAIN, now + ASK_AGAIN + HURRY);
    assert!(endpoints.hurry(now) && endpoints.hurry(now + HURRY / 2));
    assert!(endpoints.hurried_due() == Some(soon) && endpoints.asks_nodes(soon));
    let late = soon + ASK_AGAIN / 2;
    assert!(endpoints.hurry(late) && endpoints.hurried_due() == Some(late), "at once");
    endpoints.nodes_refused();
    assert!(!endpoints.hurry(now) && endpoints.hurried_due().is_none());
    assert!(!endpoints.asks_nodes(now + 2 * ASK_AGAIN));
    endpoints.is_cluster(now);
    endpoints.connected();
    assert!(!endpoints.asks_nodes(now), "the next server may be none");
}
