//! `memory-hog`: takes memory until its quota refuses.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_apps::arguments::number;
use airox_apps::program::{Failure, run};
use airox_rt::{Handle, QuotaKind, Region, Start, sys};
use alloc::vec::Vec;

airox_rt::entry!(main);

const USAGE: &str = "usage: memory-hog [PAGES]\nTakes memory in pieces of PAGES pages of 4 KiB (default 32) until its quota refuses, and tells the error.\n";
const DEFAULT_PAGES: u64 = 32;
const MAX_PAGES: u64 = 65_536;
const PAGE_KIB: u64 = 4;

fn main(start: &'static Start) -> Result<(), Failure> {
    let parse = |arguments: &[&str]| number(arguments, DEFAULT_PAGES, 1, MAX_PAGES);
    run(start, USAGE, parse, |console, pages| {
        let mut taken = Vec::new();
        let error = loop {
            match Region::create(pages) {
                Ok(region) => taken.push(region),
                Err(error) => break error,
            }
        };
        let pieces = taken.len() as u64;
        console.print(format_args!(
            "{pieces} pieces of {} KiB taken, {} KiB in all; then the kernel said: {error}\n",
            pages * PAGE_KIB,
            pieces * pages * PAGE_KIB
        ))?;
        let (limits, used) = sys::quota_info(Handle::NONE)?;
        for kind in [QuotaKind::Frames, QuotaKind::Regions, QuotaKind::Handles] {
            console.print(format_args!("{:8} {:6} of {:6} used\n", kind.text(), used.get(kind), limits.get(kind)))?;
        }
        Ok(())
    })
}
