//! The AIROX command shell.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod calendar;
pub mod complete;
pub mod editor;
pub mod history;
pub mod nearest;
pub mod parse;
pub mod table;
pub mod units;
