//! An interface, and its server, with what the crate's own do not use.

use crate::{Caller, Deferred, ReadLease, SavedLease, WriteLease, interface};
use airox_sys::{Port, Region, Signal, TypedHandle};
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// Handles and leases in every combination.
#[interface(name = "odd")]
pub trait Odd {
    /// A handle alone.
    fn buffer(pages: u64) -> Result<Region, u8>;

    /// Handles among plain values, in both directions.
    fn exchange(
        before: u16,
        #[rights(SEND)] port: Port,
        middle: &str,
        signal: Option<Signal>,
        after: &[u32],
    ) -> Result<(u32, Port, String, Signal), u8>;

    /// Two leases beside arguments and a long result.
    #[reply_bytes(600)]
    fn copy(length: u32, from: &[u8], to: &mut [u8], text: &str) -> Result<String, u8>;

    /// A long result without a place for it.
    #[inline_reply]
    fn too_long(length: usize) -> Result<String, u8>;

    /// A borrowed value.
    fn sum(numbers: &Vec<u64>) -> Result<u64, u8>;

    /// Leases of a call that is answered later.
    #[deferred]
    fn later(from: &[u8], to: &mut [u8]) -> Result<u32, String>;
}

/// Answers [`Odd`].
#[derive(Default)]
pub struct OddServer {
    pub waiting: Vec<(SavedLease, SavedLease, Deferred<u32, String>)>,
}

impl OddServer {
    /// Answers what waits: the bytes reversed.
    pub fn answer(&mut self) {
        for (from, to, reply) in self.waiting.drain(..) {
            let mut bytes = vec![0; from.len()];
            let copied = reply.read(from, 0, &mut bytes).and_then(|()| {
                bytes.reverse();
                reply.write(to, 0, &bytes)
            });
            let result = match copied {
                Ok(()) => Ok(bytes.len() as u32),
                Err(error) => Err(error.to_string()),
            };
            reply.send(result).unwrap();
        }
    }
}

impl Odd for OddServer {
    fn buffer(&mut self, _caller: Caller, pages: u64) -> Result<Region, u8> {
        if pages == 0 {
            return Err(9);
        }
        Ok(Region::from_raw(airox_abi::Handle(pages as u32)))
    }

    fn exchange(
        &mut self,
        caller: Caller,
        before: u16,
        port: Port,
        middle: &str,
        signal: Option<Signal>,
        after: Vec<u32>,
    ) -> Result<(u32, Port, String, Signal), u8> {
        let signal = signal.ok_or(1)?;
        let sum = u32::from(before) + after.iter().sum::<u32>() + caller.badge as u32;
        Ok((sum, port, middle.to_string(), signal))
    }

    fn copy(
        &mut self,
        _caller: Caller,
        length: u32,
        from: ReadLease<'_>,
        to: WriteLease<'_>,
        text: &str,
    ) -> Result<String, u8> {
        let bytes = from.read_all(64).map_err(|_| 1)?;
        let part = bytes.get(..length as usize).ok_or(2)?;
        to.write(0, part).map_err(|_| 3)?;
        Ok(text.repeat(2))
    }

    fn too_long(&mut self, _caller: Caller, length: usize) -> Result<String, u8> {
        Ok("x".repeat(length.min(1000)))
    }

    fn sum(&mut self, _caller: Caller, numbers: Vec<u64>) -> Result<u64, u8> {
        numbers.iter().try_fold(0_u64, |sum, number| sum.checked_add(*number)).ok_or(1)
    }

    fn later(&mut self, _caller: Caller, from: SavedLease, to: SavedLease, reply: Deferred<u32, String>) {
        self.waiting.push((from, to, reply));
    }
}
