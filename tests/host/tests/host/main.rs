//! The host, seen from outside: small scripts, and the program's output.

mod addon;
mod bare;
mod colors;
mod command_line;
mod dialect;
mod entities;
mod game;
mod gluatest;
mod hooks;
mod host_table;
mod http;
mod modules;
mod owner;
mod pasted;
mod prompt;
mod session;
mod several;
mod support;
mod terminal;
mod the_end;
mod tutorial;
mod watch;
mod world;
