//! `ping-pong`: the cost of a call between two threads of one program.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_apps::arguments::number;
use airox_apps::program::{Failure, run};
use airox_apps::statistics::summary;
use airox_rt::abi::message::{Tag, WORDS};
use airox_rt::time::Instant;
use airox_rt::{Error, Port, Start, TypedHandle, sys, thread};
use alloc::sync::Arc;
use alloc::vec::Vec;

airox_rt::entry!(main);

const USAGE: &str = "usage: ping-pong [COUNT]\nCalls another thread COUNT times (default 1000) and tells how long a call and its reply take.\n";
const DEFAULT_COUNT: u64 = 1_000;
const MAX_COUNT: u64 = 10_000;
const PING: Tag = Tag::new(1);
const END: Tag = Tag::new(2);

fn main(start: &'static Start) -> Result<(), Failure> {
    let parse = |arguments: &[&str]| number(arguments, DEFAULT_COUNT, 1, MAX_COUNT);
    run(start, USAGE, parse, |console, count| {
        let port = Arc::new(Port::create(0)?);
        let served = Arc::clone(&port);
        let server = thread::spawn(move || serve(&served))?;
        let mut series = Vec::with_capacity(count as usize);
        for number in 0..count {
            let begin = Instant::now();
            let received = sys::call(port.raw(), PING, words(number))?;
            series.push(begin.elapsed().as_nanos() as u64);
            if received.words != words(number + 1) {
                console.print(format_args!("ping-pong: call {number} brought a wrong answer\n"))?;
            }
        }
        sys::call(port.raw(), END, words(0))?;
        server.join()??;
        if let Some(summary) = summary(&mut series) {
            console.print(format_args!(
                "{count} calls and replies: least {} ns, median {} ns, most {} ns\n",
                summary.least, summary.median, summary.most
            ))?;
        }
        Ok(())
    })
}

fn words(first: u64) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    words[0] = first;
    words
}

/// Answers each call with its number plus one, until the last.
fn serve(port: &Port) -> Result<(), Error> {
    let mut received = sys::receive(port.raw())?;
    while received.tag.label() != END.label() {
        let answer = words(received.words[0].wrapping_add(1));
        received = sys::reply_receive(port.raw(), PING, answer)?;
    }
    sys::reply(airox_rt::Handle::NONE, END, words(0))
}
