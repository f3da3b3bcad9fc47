//! Commands that are refused before they reach a session, and the alternatives that are named.

use realtime::backend::{Options, configure};
use realtime::model::Args;

use crate::client::args;

fn braces(operation: &str) -> String {
    format!("{{{operation}}}")
}

#[test]
fn commands_that_would_break_the_session() {
    let backend = configure(Options::default()).unwrap();
    for (words, instead) in [
        (&["SUBSCRIBE", "a"][..], "{Subscribe}"),
        (&["pSubscribe", "a"], "{PSubscribe}"),
        (&["UNSUBSCRIBE"], "{Unsubscribe}"),
        (&["PUNSUBSCRIBE"], "{PUnsubscribe}"),
        (&["SSUBSCRIBE", "a"], "{SSubscribe}"),
        (&["sunsubscribe", "a"], "{SUnsubscribe}"),
        (&["BLPOP", "a", "0"], "LPOP"),
        (&["BRPOP", "a", "0"], "RPOP"),
        (&["BLMOVE", "a", "b", "LEFT", "LEFT", "0"], "LMOVE"),
        (&["BRPOPLPUSH", "a", "b", "0"], "RPOPLPUSH"),
        (&["BLMPOP", "0", "1", "a", "LEFT"], "LMPOP"),
        (&["BZPOPMIN", "a", "0"], "ZPOPMIN"),
        (&["BZPOPMAX", "a", "0"], "ZPOPMAX"),
        (&["BZMPOP", "0", "1", "a", "MIN"], "ZMPOP"),
        (&["XREAD", "BLOCK", "0", "STREAMS", "a", "$"], "timer"),
        (&["xreadgroup", "GROUP", "g", "c", "COUNT", "1", "block", "0", "STREAMS", "a", ">"], "timer"),
        (&["WAIT", "1", "0"], "min-replicas"),
        (&["WAITAOF", "1", "1", "0"], "min-replicas"),
        (&["MULTI"], "{Transaction}"),
        (&["EXEC"], "{Transaction}"),
        (&["DISCARD"], "{Transaction}"),
        (&["WATCH", "a"], "EVAL"),
        (&["UNWATCH"], "EVAL"),
        (&["HELLO", "3"], "protocol"),
        (&["AUTH", "x"], "password"),
        (&["SELECT", "1"], "db"),
        (&["QUIT"], "{Disconnect}"),
        (&["RESET"], "{Disconnect}"),
        (&["CLIENT", "reply", "OFF"], "callback"),
        (&["MONITOR"], "redis-cli"),
        (&["SYNC"], "replicas"),
        (&["PSYNC", "?", "-1"], "replicas"),
        (&["REPLCONF", "ACK", "1"], "replicas"),
        (&[], "name"),
        (&["", "a"], "name"),
        (&["GET key"], "element"),
    ] {
        let error = backend.check(&args(words), braces).expect_err(words.first().unwrap_or(&""));
        let is_blocking = error.contains("would block") && !words[0].starts_with("WAIT");
        assert_eq!(backend.blocks(&args(words)), is_blocking, "{words:?}");
        assert!(error.contains(instead), "{words:?}: {error}");
    }
    for words in [
        &["GET", "SUBSCRIBE"][..],
        &["XREAD", "COUNT", "2", "STREAMS", "BLOCK", "0"],
        &["XREADGROUP", "GROUP", "block", "BLOCK", "STREAMS", "a", ">"],
        &["CLIENT", "LIST"],
        &["CLIENT"],
        &["CLIENT", "TRACKING", "ON"],
        &["SCRIPT", "LOAD", "return 1"],
        &["PUBLISH", "a", "b"],
        &["PING"],
    ] {
        assert_eq!(backend.check(&args(words), braces), Ok(()), "{words:?}");
        assert!(!backend.blocks(&args(words)), "{words:?}");
    }
    let in_lua = |operation: &str| format!("client:{operation}");
    let error = backend.check(&args(&["UNSUBSCRIBE"]), in_lua).unwrap_err();
    assert!(error.ends_with("use client:Unsubscribe"), "{error}");
    let error = backend.check(&args(&["{Subscribe} a"]), in_lua).unwrap_err();
    assert!(error.starts_with("\"{Subscribe} a\""), "the script's own words stay as they are: {error}");
    let binary: Args = [&b"\xff\r\n"[..]].iter().collect();
    assert_eq!(backend.check(&binary, braces), Ok(()), "unknown commands are the server's business");
}
