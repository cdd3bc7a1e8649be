//! The boot contract's test: what the test kernel and the image it boots from must agree on.
#![no_std]
#![forbid(unsafe_code)]

/// Byte `index` of the file the test image carries as its system bundle.
pub fn bundle_byte(index: usize) -> u8 {
    // Differs from page to page, so that exchanged pages are found.
    (index.wrapping_mul(31) ^ (index >> 12).wrapping_mul(7)) as u8
}
