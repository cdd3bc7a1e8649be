//! `fault`: each way a program can go wrong, and what the system makes of it.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod unsafe_demonstrations;

use airox_apps::fault::{Demonstration, parse, usage};
use airox_apps::program::{Failure, run};
use airox_rt::{Start, sys};

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), Failure> {
    run(start, &usage(), parse, |console, demonstration| {
        match demonstration {
            Demonstration::Panic => panic!("this panic was asked for"),
            Demonstration::Exit(code) => sys::process_exit(code),
            _ => unsafe_demonstrations::show(demonstration),
        }
        // Only a demonstration that did not fault comes here.
        console.print(format_args!(
            "fault: the instruction was executed as if nothing were wrong\n"
        ))?;
        sys::process_exit(2)
    })
}
