//! The example program `dump`, as its users meet it.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why")]

use std::io::Write;
use std::process::{Command, Stdio};

fn dump(args: &[&str], input: &[u8]) -> (String, String, i32) {
    let mut child = Command::new(program())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example is built with the tests");
    // A program that has refused its arguments reads nothing.
    let _ = child.stdin.take().expect("piped").write_all(input);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr), output.status.code().expect("it was not killed"))
}

/// Examples are built beside the tests: `target/PROFILE/deps/dump-…` tests, `target/PROFILE/examples/dump`.
fn program() -> std::path::PathBuf {
    let test = std::env::current_exe().expect("a path");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("in target/PROFILE/deps");
    profile.join("examples").join(format!("dump{}", std::env::consts::EXE_SUFFIX))
}

#[track_caller]
fn prints(input: &[u8], expected: &[&str], code: i32) {
    for chunk in ["1", "3", "1000000"] {
        let (out, err, status) = dump(&["--chunk", chunk], input);
        assert_eq!(out.lines().collect::<Vec<_>>(), expected, "in pieces of {chunk}");
        assert_eq!((status, err.as_str()), (code, ""));
    }
}

#[test]
fn every_type_as_json() {
    prints(
        b"+OK\r\n-ERR \"x\"\r\n:-7\r\n$3\r\na\0b\r\n!5\r\nERR y\r\n(123456789012345678901234567890\r\n,1.5\r\n,10\r\n,inf\r\n,-inf\r\n,nan\r\n\
          #t\r\n#f\r\n_\r\n$-1\r\n*-1\r\n=7\r\ntxt:abc\r\n$2\r\n\xff\x00\r\n",
        &[
            r#"{"type":"simple_string","value":"OK"}"#,
            r#"{"type":"simple_error","value":"ERR \"x\""}"#,
            r#"{"type":"integer","value":-7}"#,
            r#"{"type":"bulk_string","value":"a\u0000b"}"#,
            r#"{"type":"blob_error","value":"ERR y"}"#,
            r#"{"type":"big_number","value":"123456789012345678901234567890"}"#,
            r#"{"type":"double","value":1.5}"#,
            r#"{"type":"double","value":10.0}"#,
            r#"{"type":"double","value":"inf"}"#,
            r#"{"type":"double","value":"-inf"}"#,
            r#"{"type":"double","value":"nan"}"#,
            r#"{"type":"boolean","value":true}"#,
            r#"{"type":"boolean","value":false}"#,
            r#"{"type":"null"}"#,
            r#"{"type":"null"}"#,
            r#"{"type":"null"}"#,
            r#"{"type":"verbatim_string","format":"txt","value":"abc"}"#,
            r#"{"type":"bulk_string","value":{"hex":"ff00"}}"#,
        ],
        0,
    );
}

#[test]
fn aggregates_streamed_types_and_attributes() {
    prints(
        b"*2\r\n:1\r\n~0\r\n>1\r\n+x\r\n%1\r\n:1\r\n_\r\n$?\r\n;2\r\nhi\r\n;0\r\n%?\r\n+k\r\n:1\r\n.\r\n|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n*?\r\n.\r\n",
        &[
            r#"{"type":"array","value":[{"type":"integer","value":1},{"type":"set","value":[]}]}"#,
            r#"{"type":"push","value":[{"type":"simple_string","value":"x"}]}"#,
            r#"{"type":"map","value":[[{"type":"integer","value":1},{"type":"null"}]]}"#,
            r#"{"type":"bulk_string","value":"hi","streamed":true}"#,
            r#"{"type":"map","value":[[{"type":"simple_string","value":"k"},{"type":"integer","value":1}]],"streamed":true}"#,
            r#"{"type":"array","value":[],"streamed":true,"attributes":[[{"type":"simple_string","value":"a"},{"type":"integer","value":1}],[{"type":"simple_string","value":"b"},{"type":"integer","value":2}]]}"#,
        ],
        0,
    );
}

#[test]
fn incomplete_and_malformed_input() {
    let ok = r#"{"type":"simple_string","value":"OK"}"#;
    prints(b"", &[], 0);
    prints(b"+OK\r\n*2\r\n:1\r\n", &[ok, r#"{"incomplete":{"offset":5}}"#], 2);
    prints(b"+OK\r\n*2\r\n:1\r\n:x", &[ok, r#"{"error":{"kind":"bad_integer","offset":14}}"#], 1);
    prints(b"?", &[r#"{"error":{"kind":"unknown_type","offset":0}}"#], 1);
}

#[test]
fn nesting_as_deep_as_the_limit() {
    let mut input = b"*1\r\n".repeat(128);
    input.extend_from_slice(b":1\r\n");
    let (out, _, code) = dump(&[], &input);
    assert_eq!((out.matches("array").count(), code), (128, 0));
    input.splice(0..0, *b"*1\r\n");
    let (out, _, code) = dump(&[], &input);
    assert_eq!((out.as_str(), code), ("{\"error\":{\"kind\":\"depth_limit\",\"offset\":512}}\n", 1));
}

#[test]
fn wrong_arguments() {
    for args in [&["--chunk"][..], &["--chunk", "0"], &["--chunk", "x"], &["file"]] {
        let (out, err, code) = dump(args, b"+OK\r\n");
        assert_eq!((out.as_str(), code), ("", 64), "{args:?}");
        assert!(err.contains("usage: dump [--chunk N]"), "{err}");
    }
}
