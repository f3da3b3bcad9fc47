//! The server.

use std::collections::{BTreeMap, BTreeSet};

use crate::messages::{LET_IN, columns, message, notification, ready_for_query, role, row};

/// One connection, as the server sees it.
#[derive(Debug, Default)]
struct Connection {
    input: Vec<u8>,
    is_started: bool,
    listening: BTreeSet<String>,
    /// The texts of prepared statements by their names.
    statements: BTreeMap<String, String>,
    /// The bound statement: its text and its parameters.
    bound: Option<(String, Vec<String>)>,
    /// Notifications of the current transaction.
    notifications: Vec<(String, String)>,
}

/// A server for any number of connections, each known by a number. Any unknown statement is answered with one row,
/// whose one value is the first parameter.
#[derive(Debug, Default)]
pub struct Server {
    connections: BTreeMap<u8, Connection>,
    /// How often each of the statements that are counted was run.
    pub runs: BTreeMap<String, u32>,
}

fn text(bytes: &mut &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).expect("a zero");
    let text = String::from_utf8(bytes[..end].to_vec()).expect("UTF-8");
    *bytes = &bytes[end + 1..];
    text
}

impl Server {
    /// A connection is gone, with its subscriptions.
    pub fn gone(&mut self, link: u8) {
        self.connections.remove(&link);
    }

    /// Bytes from the client. Returns the bytes to send, with their links.
    pub fn take(&mut self, link: u8, bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let connection = self.connections.entry(link).or_default();
        connection.input.extend_from_slice(bytes);
        let mut sent = Vec::new();
        while let Some((tag, body)) = self.next(link) {
            self.message(link, tag, &body, &mut sent);
        }
        sent
    }

    /// Another client publishes.
    pub fn publish(&mut self, channel: &str, text: &str) -> Vec<(u8, Vec<u8>)> {
        let listening =
            self.connections.iter().filter(|(_, connection)| connection.listening.contains(channel));
        listening.map(|(link, _)| (*link, notification(channel, text))).collect()
    }

    fn next(&mut self, link: u8) -> Option<(u8, Vec<u8>)> {
        let connection = self.connections.get_mut(&link)?;
        let head = usize::from(connection.is_started);
        let length = connection.input.get(head..head + 4)?;
        let end = head + u32::from_be_bytes(length.try_into().expect("the client writes it")) as usize;
        if connection.input.len() < end {
            return None;
        }
        let message: Vec<u8> = connection.input.drain(..end).collect();
        let tag = if connection.is_started { message[0] } else { b'!' };
        connection.is_started = true;
        Some((tag, message[head + 4..].to_vec()))
    }

    /// A transaction ends, and its notifications are sent.
    fn commit(&mut self, link: u8, sent: &mut Vec<(u8, Vec<u8>)>) {
        let connection = self.connections.get_mut(&link).expect("the client writes it");
        for (channel, text) in std::mem::take(&mut connection.notifications) {
            sent.extend(self.publish(&channel, &text));
        }
        sent.push((link, ready_for_query(b'I')));
    }

    fn message(&mut self, link: u8, tag: u8, body: &[u8], sent: &mut Vec<(u8, Vec<u8>)>) {
        let connection = self.connections.get_mut(&link).expect("the client writes it");
        let mut rest = body;
        let mut say = |bytes: Vec<u8>| sent.push((link, bytes));
        match tag {
            b'!' => say([LET_IN, &ready_for_query(b'I')].concat()),
            b'Q' => {
                let sql = text(&mut rest);
                if sql.contains("pg_is_in_recovery") {
                    return say(role(false));
                }
                for statement in sql.split(';') {
                    let (word, name) = statement.split_once(' ').unwrap_or((statement, ""));
                    let name = name.trim_matches('"').to_owned();
                    match word {
                        "LISTEN" => drop(connection.listening.insert(name)),
                        "UNLISTEN" => drop(connection.listening.remove(&name)),
                        "NOTIFY" => {
                            let (channel, text) = name.split_once("\", '").expect("the client writes it");
                            let text = text.trim_end_matches('\'').to_owned();
                            connection.notifications.push((channel.to_owned(), text));
                        }
                        _ => {}
                    }
                    say(message(b'C', format!("{word}\0").as_bytes()));
                }
                self.commit(link, sent);
            }
            b'P' => {
                let (name, sql) = (text(&mut rest), text(&mut rest));
                connection.statements.insert(name, sql);
                say(message(b'1', b""));
            }
            b'B' => {
                let (_, name) = (text(&mut rest), text(&mut rest));
                let sql = connection.statements[&name].clone();
                // No formats; then so many parameters.
                let count = u16::from_be_bytes([rest[2], rest[3]]);
                rest = &rest[4..];
                let parameters = (0..count).map(|_| {
                    let length =
                        u32::from_be_bytes(rest[..4].try_into().expect("the client writes it")) as usize;
                    let value =
                        String::from_utf8(rest[4..4 + length].to_vec()).expect("the client writes it");
                    rest = &rest[4 + length..];
                    value
                });
                connection.bound = Some((sql, parameters.collect()));
                say(message(b'2', b""));
            }
            b'C' => {
                let name = text(&mut &rest[1..]);
                connection.statements.remove(&name);
                say(message(b'3', b""));
            }
            b'D' => say(columns(&[("n", 23)])),
            b'E' => {
                let (sql, parameters) = connection.bound.clone().expect("the client writes it");
                if sql == "BEGIN" || sql == "COMMIT" {
                    return say(message(b'C', format!("{sql}\0").as_bytes()));
                }
                if sql.contains("pg_notify") {
                    connection.notifications.push((parameters[0].clone(), parameters[1].clone()));
                    say([row(&[""]), message(b'C', b"SELECT 1\0")].concat());
                } else {
                    *self.runs.entry(parameters[0].clone()).or_default() += 1;
                    say([row(&[&parameters[0]]), message(b'C', b"SELECT 1\0")].concat());
                }
            }
            b'S' => self.commit(link, sent),
            other => panic!("the client says {}", other.escape_ascii()),
        }
    }
}
