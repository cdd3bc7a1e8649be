//! An interface that uses everything an interface can have.

use airox_api::interface;
use airox_sys::{Region, Signal};
use alloc::string::String;
use alloc::vec::Vec;

/// What the tests' server does.
#[interface(name = "probe")]
pub trait Probe {
    /// Answers at once.
    fn add(left: u64, right: u64) -> Result<u64, u32>;

    /// Fails with this code.
    fn fail(code: u32) -> Result<(), u32>;

    /// The badge of the caller.
    fn badge() -> Result<u64, u32>;

    /// Long arguments and a long result: each word, upper case.
    fn shout(words: &[String]) -> Result<Vec<String>, u32>;

    /// Copies from one range to the other, reversed.
    fn reverse(from: &[u8], to: &mut [u8]) -> Result<u32, u32>;

    /// Notifies bits of a signal, then gives it up.
    fn notify(#[rights(SEND)] signal: Signal, bits: u64) -> Result<(), u32>;

    /// A region of so many pages whose first byte is the number of pages.
    fn region(pages: u64) -> Result<(u64, Region), u32>;

    /// Answers after so many microseconds.
    #[deferred]
    fn later(microseconds: u64, value: u64) -> Result<u64, u32>;

    /// Answers when this bit of the server's signal was notified.
    #[deferred]
    fn on_bit(bit: u64) -> Result<u64, u32>;

    /// Never answers: gives the call up.
    #[deferred]
    fn never() -> Result<(), u32>;

    /// How often bits nobody waited for came, and which.
    fn stray_bits() -> Result<(u32, u64), u32>;

    /// Ends the server after the answer.
    fn stop() -> Result<(), u32>;
}
