//! Useful conversations and options, as seeds for the fuzzers.

use fuzz_targets::{Act, Profile, Reply, Script, Wish};
use realtime::model::TopicKind::{self, Channel, Pattern, ShardedChannel};

const REPLIES: [Reply; 14] = [
    Reply::Proper,
    Reply::Described,
    Reply::BehindMessage,
    Reply::NoPermission,
    Reply::Echo,
    Reply::Loading,
    Reply::Null,
    Reply::Integer,
    Reply::Interrupted,
    Reply::Streamed,
    Reply::Large,
    Reply::Half,
    Reply::Silence,
    Reply::Moved,
];

fn profiles() -> impl Iterator<Item = Profile> + Clone {
    (0..12).map(|n: u8| Profile {
        protocol: n % 3,
        login: n & 1 == 1,
        named: n & 2 == 2,
        small: n & 4 == 4,
        old_server: n >= 9,
    })
}

fn wish(subscribe: bool, kind: TopicKind, name: u8) -> Act {
    Act::Wish(Wish { subscribe, kind, name })
}

/// The client is ready and has a channel, a pattern and a sharded channel, whichever protocol it speaks.
fn begin() -> Vec<Act> {
    let mut acts = vec![
        wish(true, Channel, 2),
        wish(true, Pattern, 3),
        wish(true, ShardedChannel, 2),
        Act::Connected(0),
    ];
    acts.extend([0, 0, 0].map(Act::AnswerAll));
    acts.push(Act::Connected(1));
    acts.extend([1, 1, 1, 0].map(Act::AnswerAll));
    acts
}

/// Something of everything that commands can be.
fn work() -> Vec<Act> {
    vec![
        Act::Publish(50, 2, b"hello".to_vec()),
        Act::Command(50, vec![b"GET".to_vec(), b"key".to_vec()]),
        Act::Transaction(50, 3),
        Act::Ping(50),
        wish(true, Channel, 0),
        wish(false, Channel, 2),
        // The server ends it, and the client, too.
        wish(false, ShardedChannel, 2),
        Act::Confirm(0, false, ShardedChannel, 2),
        Act::Answer(0, Reply::Moved),
    ]
}

fn messages() -> Vec<Act> {
    vec![
        Act::Message(0, Channel, 2, 5),
        Act::Message(0, Pattern, 3, 200),
        Act::Message(0, ShardedChannel, 2, 5),
        Act::Message(1, Channel, 2, 5),
        Act::Message(1, Pattern, 3, 200),
    ]
}

/// Scripts for the session.
pub(crate) fn scripts(tables: &[Vec<u8>], captures: &[Vec<u8>]) -> Vec<Script> {
    let mut scripts = Vec::new();
    for profile in profiles() {
        let mut script = |parts: &[&[Act]]| scripts.push(Script { profile, acts: parts.concat() });
        let whole =
            [begin(), messages(), work(), vec![Act::AnswerAll(0), Act::AnswerAll(1), Act::AnswerAll(0)]]
                .concat();
        script(&[&whole, &[Act::Wait(255), Act::AnswerAll(0), Act::AnswerAll(1)]]);
        script(&[&[Act::Reads(1)], &whole, &messages(), &[Act::Disconnect(10), Act::AnswerAll(0)]]);
        for link in [0, 1] {
            script(&[&whole, &work(), &[Act::Lost(link, 0), Act::Wait(20)], &begin(), &messages()]);
            script(&[
                &begin(),
                &[Act::Writable(link, 20)],
                &work(),
                &[Act::Wait(60), Act::Writable(link, 255)],
                &messages(),
            ]);
            script(&[
                &begin(),
                &[Act::Full(true)],
                &messages(),
                &[Act::Wait(255), Act::Full(false)],
                &messages(),
            ]);
            for reply in REPLIES {
                script(&[
                    &begin(),
                    &work(),
                    &vec![Act::Answer(link, reply); 4],
                    &[Act::AnswerAll(link)],
                    &messages(),
                ]);
            }
            // They take long: a few are enough to begin with.
            let floods = if profile.small && profile.protocol > 0 { 0..8 } else { 0..0 };
            for kind in floods {
                let head = b">3\r\n+message\r\n+chat\r\n$100000000\r\n".to_vec();
                script(&[&begin(), &[Act::Flood(link, kind, 60), Act::Wait(100)]]);
                script(&[&begin(), &[Act::Raw(link, head), Act::Flood(link, kind, 60)]]);
                script(&[&begin(), &[Act::Raw(link, b"*1000000\r\n".to_vec()), Act::Flood(link, kind, 60)]]);
            }
        }
        for reply in REPLIES {
            script(&[
                &[Act::Connected(0), Act::Answer(0, reply), Act::AnswerAll(0), Act::Wait(60)],
                &begin(),
            ]);
        }
        for capture in captures {
            let raw: Vec<_> = capture.chunks(200).map(|piece| Act::Raw(0, piece.to_vec())).collect();
            script(&[&[Act::Connected(0)], &raw, &work()]);
            script(&[&begin(), &raw]);
        }
    }
    for (table, profile) in tables.iter().zip(profiles().cycle()) {
        for link in [0, 1] {
            let acts = [begin(), work(), vec![Act::Raw(link, table.clone())], messages()].concat();
            scripts.push(Script { profile, acts });
        }
    }
    scripts
}

/// A URL, then keys of the table by their numbers with a value each, as `fuzz_targets::options` reads them. `\x01` stands
/// for a password.
pub(crate) fn sentinel() -> Vec<Vec<u8>> {
    const CONNECT: [u8; 6] = [0, 0, 1, 0, 2, 0];
    const SUBSCRIBE: [u8; 2] = [0, 9];
    const REQUEST: [u8; 2] = [0, 10];
    const ANNOUNCE: [u8; 2] = [0, 7];
    const LOSE: [u8; 3] = [0, 6, 0];
    const LOSE_MASTER: [u8; 3] = [1, 6, 0];
    const DISCONNECT: [u8; 3] = [0, 11, 5];
    let answers = |bits: u8| [[0, 2, bits], [1, 2, bits], [2, 2, bits]].concat();
    let wait = |tenths: u8| vec![0, 8, tenths];
    let says = |bytes: &[u8]| [&[0, 5, u8::try_from(bytes.len()).unwrap_or(0)], bytes].concat();
    let mut inputs = Vec::new();
    // RESP3 and RESP2.
    for version in [0, 32] {
        let ready = [
            &CONNECT[..],
            &answers(version),
            &SUBSCRIBE,
            &CONNECT,
            &answers(version),
            &CONNECT,
            &answers(version),
        ]
        .concat();
        let rest: [&[&[u8]]; 9] = [
            &[&wait(160), &answers(version), &wait(160), &answers(version)],
            &[&ANNOUNCE, &wait(3), &answers(version | 1), &CONNECT, &answers(version | 1)],
            &[
                &wait(150),
                &answers(version | 4),
                &wait(150),
                &answers(version | 4),
                &CONNECT,
                &answers(version | 4),
            ],
            &[&LOSE, &CONNECT, &answers(version | 8), &wait(50)],
            &[
                &LOSE_MASTER,
                &wait(5),
                &answers(version),
                &CONNECT,
                &answers(version | 16),
                &CONNECT,
                &answers(version),
            ],
            &[&REQUEST, &LOSE_MASTER, &LOSE, &wait(255)],
            &[&REQUEST, &ANNOUNCE, &DISCONNECT, &answers(version | 2), &wait(50)],
            &[&says(b"*2\r\n$4\r\nevil\r\n$1\r\n1\r\n"), &wait(10)],
            &[
                &says(b">3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$8\r\nmymaster\r\n"),
                &wait(3),
                &says(b"_\r\n"),
                &answers(version),
            ],
        ];
        inputs.extend(rest.iter().map(|parts| [&ready[..], &parts.concat()].concat()));
    }
    inputs
}

pub(crate) fn options() -> Vec<Vec<u8>> {
    let urls = [
        "",
        "redis://server",
        "REDIS://server:1",
        "redis://user:\x01@10.0.0.5:65535/0",
        "redis://:\x01@server/15",
        "redis://[fe80::1%eth0]:7000/3",
        "redis://user:p%40ss%2fword@server",
        "unix:///run/my%20redis.sock?db=2",
        "unix://user:\x01@/run/redis.sock",
        "rediss://user:\x01@server",
        "redis-sentinel://user:\x01@s1,s2:1/mymaster/3",
        "rediss-sentinel://s1/mymaster",
        "redis-sentinel://s1",
        "http://user:\x01@server",
        "redis://us/er:\x01@server",
        "redis://server?db=1&x=%20",
        "redis://server/0#x",
        "redis://[::1",
        "redis://::1:6379",
        "redis://server:65536",
    ];
    let text =
        |key: u8, text: &str| [&[key, 1, u8::try_from(text.len()).unwrap_or(0)], text.as_bytes()].concat();
    let number = |key: u8, number: i16| [&[key, 3][..], &number.to_le_bytes()].concat();
    let tables = [
        vec![],
        [text(0, "server"), number(1, 6379), text(3, "user"), vec![4, 0], number(5, 3)].concat(),
        [text(2, "/run/x.sock"), text(6, "ttt-1"), text(7, "auto")].concat(),
        [
            number(7, 3),
            number(8, 1),
            number(9, 2),
            number(10, 3),
            number(11, 4),
            number(12, 5),
            number(13, 6),
        ]
        .concat(),
        [number(14, 10), number(15, 1000), text(16, "pause"), number(17, 5), number(18, 100), vec![19, 5, 1]]
            .concat(),
        [vec![200, 3], b"abc".to_vec(), vec![6]].concat(),
    ];
    let mut inputs = Vec::new();
    for url in urls {
        for table in &tables {
            let len = u8::try_from(url.len()).unwrap_or(0);
            inputs.push([&[len], url.as_bytes(), table].concat());
        }
    }
    inputs.push(b"SUBSCRIBE a".to_vec());
    inputs.push(b"XREADGROUP GROUP g c COUNT 1 BLOCK 0 STREAMS a >".to_vec());
    inputs
}
