//! The AIROX command shell.
//!
//! # Principles
//! - **The shell has no power of its own.** Every command asks a server through a handle it was given ([`services`]).
//! - **Nothing ends it**: a wrong line, a dead server, a dead console are told or waited for ([`shell`]).
//! - **Logic does no I/O**: the parser, the line editor and every command are tested on the host, against fakes and a terminal
//!   model; the binary only connects them to ports.
//!
//! A line becomes steps ([`parse`]); a step's first word names a [`command`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod arp;
pub mod calendar;
pub mod command;
pub mod complete;
pub mod editor;
#[cfg(test)]
mod fakes;
pub mod history;
pub mod nearest;
mod output;
pub mod parse;
mod proposals;
mod remembered;
pub mod scripts;
pub mod services;
pub mod shell;
pub mod table;
pub mod trace;
pub mod units;
pub mod verify;
