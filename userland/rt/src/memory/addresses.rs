//! Which addresses are free: ranges by their start, merged with their neighbours.

use alloc::collections::BTreeMap;

/// Free address ranges. All numbers are bytes, multiples of the page size.
#[derive(Debug)]
pub struct AddressSpace {
    free: BTreeMap<u64, u64>,
}

impl AddressSpace {
    /// Nothing is free.
    pub const fn new() -> AddressSpace {
        AddressSpace { free: BTreeMap::new() }
    }

    /// Takes the lowest range of this length: low addresses share page tables.
    pub fn take(&mut self, length: u64) -> Option<u64> {
        let mut ranges = self.free.iter();
        let (start, available) =
            ranges.find(|(_, available)| **available >= length).map(|(start, available)| (*start, *available))?;
        self.free.remove(&start);
        if available > length {
            self.free.insert(start + length, available - length);
        }
        Some(start)
    }

    /// Gives a range, not free yet, back.
    pub fn give(&mut self, mut start: u64, mut length: u64) {
        if let Some((before, available)) = self.free.range(..start).next_back() {
            let (before, available) = (*before, *available);
            if before + available == start {
                self.free.remove(&before);
                start = before;
                length += available;
            }
        }
        if let Some(available) = self.free.remove(&(start + length)) {
            length += available;
        }
        self.free.insert(start, length);
    }
}

#[cfg(test)]
mod tests {
    use super::AddressSpace;

    #[test]
    fn ranges_are_taken_low_first_and_merged_back() {
        let mut space = AddressSpace::new();
        assert_eq!(space.take(1), None);
        space.give(100, 50);
        let first = space.take(10).unwrap();
        let second = space.take(10).unwrap();
        let third = space.take(30).unwrap();
        assert_eq!((first, second, third), (100, 110, 120));
        assert_eq!(space.take(1), None);
        space.give(first, 10);
        space.give(third, 30);
        assert_eq!(space.take(50), None);
        space.give(second, 10);
        assert_eq!(space.free.len(), 1);
        assert_eq!(space.take(50), Some(100));
    }

    #[test]
    fn a_range_too_short_is_passed_over() {
        let mut space = AddressSpace::new();
        space.give(0, 10);
        space.give(20, 40);
        assert_eq!(space.take(11), Some(20));
        assert_eq!(space.take(10), Some(0));
    }
}
