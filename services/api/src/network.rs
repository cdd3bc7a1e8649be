//! An Ethernet interface, over a port: raw frames.
//!
//! Every client sees every frame that comes, from its first [`Network::receive`] on, as if each were on the wire itself; frames that one does not take in time are
//! dropped for it alone.

use airox_api_macros::interface;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

pub use airox_driver_traits::network::{Counters, Link, MAX_FRAME, MIN_FRAME, MacAddress, NetworkError};

/// What an interface is and does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its address.
    pub address: MacAddress,
    /// The wire.
    pub link: Link,
    /// What was counted.
    pub counters: Counters,
}

/// An Ethernet interface.
#[interface(name = "network")]
pub trait Network {
    /// Address, link and counters.
    fn status() -> Result<Status, NetworkError>;

    /// Sends a frame, as it is. `Busy` says that it was not taken.
    fn send(frame: &[u8]) -> Result<(), NetworkError>;

    /// The next frame, or `TimedOut` after so many nanoseconds without one. A client has one such call: a second one has the first answered with `Busy`.
    #[deferred]
    fn receive(patience_ns: u64) -> Result<Vec<u8>, NetworkError>;
}
