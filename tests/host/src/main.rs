//! Stand-in game server.
fn main() {}
