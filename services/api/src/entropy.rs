//! Random bytes.

use airox_api_macros::interface;
use alloc::vec::Vec;

pub use airox_driver_traits::entropy::{EntropyError, MAX_BYTES};

/// A source of randomness.
#[interface(name = "entropy")]
pub trait Entropy {
    /// So many random bytes, at most [`MAX_BYTES`]; answered when the device has made them.
    #[deferred]
    fn read(count: u32) -> Result<Vec<u8>, EntropyError>;
}
