//! Redis pub/sub for Garry's Mod.
