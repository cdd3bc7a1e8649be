//! The runtime suite's root program. See the library's documentation.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

mod basics;
mod calls;
mod concurrency;
mod later;
mod periodic;
mod registry;
mod server;

use airox_rt::RootBlock;

airox_rt::root_entry!(main);

/// Every test, in the order they run in: what others rely on first.
static TESTS: &[&[registry::Test]] = &[basics::TESTS, concurrency::TESTS, calls::TESTS, later::TESTS, periodic::TESTS];

fn main(root: &'static RootBlock) -> ! {
    registry::run(root, TESTS)
}
