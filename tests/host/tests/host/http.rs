//! HTTP as addons use it, against a web server in the test.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener},
    thread::{self, JoinHandle},
};

use crate::support::Script;

/// Answers so many requests, each on a separate connection, and returns them. `PATH` in an answer is the requested
/// path.
fn serve(answers: &'static [&'static str]) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = thread::spawn(move || answers.iter().map(|answer| answered(&listener, answer)).collect());
    (port, server)
}

fn answered(listener: &TcpListener, answer: &str) -> String {
    let (stream, _) = listener.accept().expect("a client");
    let mut reader = BufReader::new(&stream);
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().expect("a number");
        }
        request += &line;
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    request += &String::from_utf8_lossy(&body);
    let path = request.split(' ').nth(1).unwrap_or_default();
    (&stream).write_all(answer.replace("PATH", path).as_bytes()).expect("a client that reads");
    request
}

#[test]
fn an_answer_comes_with_its_body_its_headers_and_its_code() {
    let (port, server) = serve(&[
        "HTTP/1.1 200 OK\r\nX-Mode: ttt\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnone\r\n0\r\n\r\n",
    ]);
    let script = r#"
        local url = "http://127.0.0.1:" .. host.args[1]
        host.test("Fetch", function()
            local got
            http.Fetch(url .. "/a b?c=1#d", function(...) got = { ... } end, error, { ["X-Key"] = "secret" })
            assert(not got, "it never answers at once")
            host.wait(function() return got end, 30, "the answer")
            assert(got[1] == "hello" and got[2] == 5 and got[3]["X-Mode"] == "ttt" and got[4] == 200)
        end)
        host.test("Post", function()
            local got
            http.Post(url, { name = "A&B", id = "5" }, function(...) got = { ... } end, error)
            host.wait(function() return got end, 30, "the answer")
            assert(got[1] == "none" and got[4] == 404, "a refusal is an answer, too")
        end)"#;
    Script::new(script).arguments(&[&port.to_string()]).run().code(0).stdout("2 passed, 0 failed");
    let requests = server.join().expect("the server");
    assert_eq!(
        requests[0],
        format!(
            "GET /a%20b?c=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nX-Key: secret\r\n\r\n"
        )
    );
    assert!(requests[1].starts_with("POST / HTTP/1.1\r\n"), "{}", requests[1]);
    assert!(requests[1].contains("Content-Type: application/x-www-form-urlencoded\r\n"), "{}", requests[1]);
    assert!(requests[1].ends_with("\r\n\r\nid=5&name=A%26B"), "{}", requests[1]);
}

#[test]
fn what_fails_says_why() {
    // Nothing listens there any more.
    let port =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("an address").port();
    let script = r#"
        local function fails(url, part)
            local why
            http.Fetch(url, function() error("an answer of " .. url) end, function(reason) why = reason end)
            host.wait(function() return why end, 30, "the failure of " .. url)
            assert(why:find(part, 1, true), why)
        end
        host.test("fails", function()
            fails("http://127.0.0.1:" .. host.args[1], "refused")
            fails("https://example.org/x", "gmod-host has no https://")
            fails("ftp://example.org", "invalid url")
            local ok, wrong = pcall(http.Fetch, "http://127.0.0.1/", nil, nil, { a = "b\r\nc: d" })
            assert(not ok and wrong:find("control characters", 1, true), wrong)
        end)"#;
    Script::new(script).arguments(&[&port.to_string()]).run().code(0).stdout("1 passed, 0 failed");
}

#[test]
fn an_answer_of_an_earlier_map_is_for_nobody() {
    // The first request may never be sent, because the test does not wait for the server.
    let (port, _server) = serve(&["HTTP/1.1 200 OK\r\n\r\nPATH", "HTTP/1.1 200 OK\r\n\r\nPATH"]);
    let script = r#"
        local url = "http://127.0.0.1:" .. host.args[1]
        host.run(function()
            local got
            http.Fetch(url .. "/" .. host.map_number, function(body) got = body end)
            if host.map_number == 1 then return host.next_map() end
            host.wait(function() return got end, 30, "the answer")
            assert(got == "/2", got)
            host.exit(0)
        end)"#;
    Script::new(script).arguments(&[&port.to_string()]).run().code(0);
}
