//! The host, seen from outside: small scripts, and what the program makes of them.

mod addon;
mod bare;
mod command_line;
mod game;
mod gluatest;
mod host_table;
mod modules;
mod support;
mod the_end;
