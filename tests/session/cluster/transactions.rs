//! Transactions are sent to one node, whole.

use realtime::model::Value;

use super::{SLOTS, node, on_cluster, transaction};
use crate::client::{BOTH, Resp};
use crate::sink::answer;

const COMMANDS: [&[&str]; 2] = [&["SET", "b", "1"], &["INCR", "{b}:n"]];
const SENT: [&str; 4] = ["MULTI", "SET b 1", "INCR {b}:n", "EXEC"];

/// The consequences of each way of refusing it.
#[test]
fn a_transaction_that_a_node_refuses_is_sent_again_as_a_whole() {
    for resp in BOTH {
        for (answers, is_asked) in [
            ("+OK\r\n-MOVED 3300 n2:7002\r\n-MOVED 3300 n2:7002\r\n-EXECABORT previous errors\r\n", false),
            // The slot moved while it was queued.
            ("+OK\r\n+QUEUED\r\n+QUEUED\r\n-MOVED 3300 n2:7002\r\n", false),
            ("+OK\r\n+QUEUED\r\n-ASK 3300 n2:7002\r\n-EXECABORT previous errors\r\n", true),
            ("+OK\r\n+QUEUED\r\n+QUEUED\r\n-ASK 3300 n2:7002\r\n", true),
        ] {
            let mut client = on_cluster(resp, &[], SLOTS);
            transaction(&mut client, 1, &COMMANDS);
            assert_eq!(client.commands(0), SENT);
            client.server(0, answers.as_bytes());
            assert_eq!(client.said(), []);
            node(&mut client, 2, "n2:7002", resp);
            let mut expected = SENT.map(String::from).to_vec();
            let mut replies = String::new();
            if is_asked {
                expected.insert(0, "ASKING".into());
                replies.push_str("+OK\r\n");
            }
            assert_eq!(client.commands(2), expected, "{answers}");
            replies.push_str("+OK\r\n+QUEUED\r\n+QUEUED\r\n*1\r\n:5\r\n");
            client.server(2, replies.as_bytes());
            assert_eq!(client.said(), [answer(1, Value::Array(vec![Value::Integer(5)]))]);
            // No link is taken for one inside a transaction.
            client.get(2, "b");
            let link = if is_asked { 0 } else { 2 };
            assert_eq!(client.commands(link), ["GET b"]);
        }
    }
}

#[test]
fn a_transaction_with_another_error_is_not_sent_again() {
    let mut client = on_cluster(Resp::Three, &[], SLOTS);
    transaction(&mut client, 1, &COMMANDS);
    client.commands(0);
    client.server(0, b"+OK\r\n-ERR wrong number\r\n-MOVED 3300 n2:7002\r\n-EXECABORT previous errors\r\n");
    assert_eq!(super::failed(&mut client, 1).code.as_str(), "EXECABORT");
    assert_eq!(client.action(), None);
    // Without MULTI they may have run one by one.
    transaction(&mut client, 2, &COMMANDS);
    client.server(0, b"-NOPERM multi\r\n+OK\r\n-MOVED 3300 n2:7002\r\n-MOVED 3300 n2:7002\r\n");
    assert_eq!(super::failed(&mut client, 2).code.as_str(), "NOPERM");
    assert_eq!(client.action(), None);
}
