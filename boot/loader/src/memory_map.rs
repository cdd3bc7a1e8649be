//! The memory map: what firmware reported, less what the loader leaves behind for the kernel.
//!
//! Firmware maps come unsorted, overlapping and not page-aligned. Ours is sorted, without overlaps and
//! page-aligned. Where reports overlap, the more cautious one wins: the loader's own frames first, then
//! anything firmware keeps, and only what nobody claims is usable.

use bootloader_api::info::{MemoryRegion, MemoryRegionKind};
use heapless::Vec;

use crate::firmware::PAGE_SIZE;

/// Regions a map can hold; firmware maps have 10 to 200.
pub const MAXIMUM_REGIONS: usize = 512;

/// The map has more than [`MAXIMUM_REGIONS`] regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapFull;

/// Regions as reported, in any order.
#[derive(Default)]
pub struct MemoryMap {
    reported: Vec<MemoryRegion, MAXIMUM_REGIONS>,
}

impl MemoryMap {
    /// Adds a report. Usable memory is shrunk to whole pages, everything else grown to them. A report
    /// that continues the one before it is merged with it.
    pub fn add(&mut self, start: u64, length: u64, kind: MemoryRegionKind) -> Result<(), MapFull> {
        let end = start.saturating_add(length);
        let (start, end) = if kind == MemoryRegionKind::Usable {
            (round_up(start), round_down(end))
        } else {
            (round_down(start), round_up(end))
        };
        if start >= end {
            return Ok(());
        }
        match self.reported.last_mut() {
            Some(last) if last.kind == kind && last.end == start => last.end = end,
            _ => self.reported.push(MemoryRegion { start, end, kind }).map_err(|_| MapFull)?,
        }
        Ok(())
    }

    /// Writes the final map to the front of `resolved`: sorted, disjoint, neighbours of one kind merged.
    /// Returns the number of its regions.
    ///
    /// The memory is the caller's, since a map is too large to be moved about on a loader's stack.
    pub fn resolve(&self, resolved: &mut [MemoryRegion]) -> Result<usize, MapFull> {
        let mut bounds: Vec<u64, { 2 * MAXIMUM_REGIONS }> = Vec::new();
        for region in &self.reported {
            // Two bounds a region: the capacity is exact.
            bounds.push(region.start).map_err(|_| MapFull)?;
            bounds.push(region.end).map_err(|_| MapFull)?;
        }
        bounds.sort_unstable();
        let mut count = 0;
        for (&start, &end) in bounds.iter().zip(bounds.iter().skip(1)) {
            if start == end {
                continue;
            }
            let covering = self.reported.iter().filter(|region| region.start <= start && end <= region.end);
            let Some(kind) = covering.map(|region| region.kind).max_by_key(caution) else {
                continue;
            };
            match resolved[..count].last_mut() {
                Some(last) if last.kind == kind && last.end == start => last.end = end,
                _ => {
                    *resolved.get_mut(count).ok_or(MapFull)? = MemoryRegion { start, end, kind };
                    count += 1;
                }
            }
        }
        Ok(count)
    }
}

fn caution(kind: &MemoryRegionKind) -> u64 {
    match kind {
        MemoryRegionKind::Usable => 0,
        MemoryRegionKind::UnknownUefi(tag) | MemoryRegionKind::UnknownBios(tag) => 1 + u64::from(*tag),
        _ => u64::MAX,
    }
}

/// `value` rounded down to a page boundary.
pub fn round_down(value: u64) -> u64 {
    value & !(PAGE_SIZE - 1)
}

/// `value` rounded up to a page boundary; stops at the last one.
pub fn round_up(value: u64) -> u64 {
    round_down(value.saturating_add(PAGE_SIZE - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use MemoryRegionKind::{Bootloader, UnknownBios, Usable};

    fn resolved(reports: &[(u64, u64, MemoryRegionKind)]) -> std::vec::Vec<(u64, u64, MemoryRegionKind)> {
        let mut map = MemoryMap::default();
        for &(start, end, kind) in reports {
            map.add(start, end - start, kind).unwrap();
        }
        let mut regions = [MemoryRegion::empty(); MAXIMUM_REGIONS];
        let count = map.resolve(&mut regions).unwrap();
        regions[..count].iter().map(|region| (region.start, region.end, region.kind)).collect()
    }

    #[test]
    fn loader_frames_split_usable_memory() {
        assert_eq!(
            resolved(&[
                (0x10_0000, 0x20_0000, Usable),
                (0, 0x9_fc00, Usable),
                (0x14_0000, 0x15_0000, Bootloader),
                (0, 0x1000, Bootloader),
            ]),
            [
                (0, 0x1000, Bootloader),
                (0x1000, 0x9_f000, Usable),
                (0x10_0000, 0x14_0000, Usable),
                (0x14_0000, 0x15_0000, Bootloader),
                (0x15_0000, 0x20_0000, Usable),
            ]
        );
    }

    #[test]
    fn reserved_wins_over_usable_and_partial_pages_are_lost() {
        assert_eq!(
            resolved(&[(0x800, 0x5000, Usable), (0x2800, 0x2900, UnknownBios(2)), (0x4800, 0x6000, UnknownBios(3)),]),
            [
                (0x1000, 0x2000, Usable),
                (0x2000, 0x3000, UnknownBios(2)),
                (0x3000, 0x4000, Usable),
                (0x4000, 0x6000, UnknownBios(3)),
            ]
        );
    }

    #[test]
    fn neighbours_of_one_kind_are_one_region() {
        let all = [(0x3000, 0x4000, Usable), (0x1000, 0x2000, Usable), (0x2000, 0x3000, Usable)];
        assert_eq!(resolved(&all), [(0x1000, 0x4000, Usable)]);
    }

    #[test]
    fn absurd_reports_do_not_overflow() {
        assert_eq!(resolved(&[(u64::MAX - 10, u64::MAX, UnknownBios(2)), (5, 5, Usable)]), []);
        let mut map = MemoryMap::default();
        map.add(0x1000, u64::MAX, UnknownBios(2)).unwrap();
        let mut regions = [MemoryRegion::empty(); 1];
        assert_eq!(map.resolve(&mut regions), Ok(1));
        assert_eq!(regions[0].end, !0xfff);
    }

    #[test]
    fn too_many_regions_are_refused() {
        let mut map = MemoryMap::default();
        for index in 0..MAXIMUM_REGIONS as u64 {
            map.add(index * 0x2000, 0x1000, Usable).unwrap();
        }
        assert_eq!(map.add(1 << 40, 0x1000, Usable), Err(MapFull));
        let mut regions = [MemoryRegion::empty(); MAXIMUM_REGIONS];
        assert_eq!(map.resolve(&mut regions), Ok(MAXIMUM_REGIONS));
        assert_eq!(map.resolve(&mut regions[1..]), Err(MapFull));
    }
}
