//! The file service: one namespace of all file systems, of which each program sees what it was given.
//!
//! # Principles
//! - **What was not given is not there**: not in lists, and not as another error than for what never was ([`namespace`]).
//! - **Nobody waits for somebody else's file system.** The server itself never calls one: a thread of its own does for each ([`mounts`]), and calls are
//!   answered when that has an answer. A file system that hangs is the trouble of its users alone.
//! - **Bytes don't pass here.** What is opened is opened at the file system for the client's badge, and the client gets its own way there.
//! - **Who is who is told by init**, for components and for programs; a client that comes before the news of it waits for them. So this server can
//!   be started again at any time, and knows everybody soon after.
//! - Everything a client can pile up is bounded: calls that wait, watches.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod call;
pub mod clients;
pub mod mounts;
pub mod namespace;
pub mod server;
