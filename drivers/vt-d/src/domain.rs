//! What one function may reach.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use crate::frames::{FRAME_BYTES, Frame};

/// Addresses that devices are given. Above them are the addresses of interrupt messages, which are not remapped (section 3.14).
pub const ADDRESSES: Range<u64> = 0x10_0000..0xfee0_0000;

/// A function's addresses and page tables.
#[derive(Debug)]
pub struct Domain {
    /// Its number, by which the unit tells domains apart.
    pub number: u16,
    /// The highest page table.
    pub pages: Frame,
    /// All page tables.
    pub frames: Vec<Frame>,
    /// What is mapped: first address, and how many pages.
    pub mapped: BTreeMap<u64, u64>,
}

impl Domain {
    /// Nothing is mapped yet.
    pub fn new(number: u16, pages: Frame) -> Domain {
        Domain { number, pages, frames: alloc::vec![pages], mapped: BTreeMap::new() }
    }

    /// The lowest free addresses for so many pages and one before the next range, which stays unmapped: a device that goes on past its memory
    /// meets a fault, not its other memory.
    pub fn find(&self, pages: u64) -> Option<u64> {
        let length = pages.checked_add(1)?.checked_mul(FRAME_BYTES)?;
        let mut start = ADDRESSES.start;
        for (&taken, &count) in &self.mapped {
            if taken - start >= length {
                return Some(start);
            }
            start = taken + (count + 1) * FRAME_BYTES;
        }
        (ADDRESSES.end.checked_sub(start)? >= length).then_some(start)
    }
}
