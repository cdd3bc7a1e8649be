//! The log server: structured records, levels per server, a ring of recent records.
#![no_std]
#![forbid(unsafe_code)]
