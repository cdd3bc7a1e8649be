//! Which parts of a device's memory its driver gets, and where memory can be put that has no address yet.

use airox_abi::layout::PAGE_SIZE;
use airox_api::device::Window;
use alloc::vec::Vec;
use core::ops::Range;

use crate::bars::Bar;
use crate::messages::Messages;

/// The windows of a driver: all of its device's memory in whole pages, but those that hold the table of messages. Memory shorter than a page is
/// handed out if it has its page for itself, by what `alone` says of the page's address: both firmwares that QEMU has see to that.
#[must_use]
pub fn windows(bars: &[Bar], messages: Option<&Messages>, mut alone: impl FnMut(u64) -> bool) -> Vec<Window> {
    let table = messages.and_then(Messages::table);
    let mut windows = Vec::new();
    for bar in bars.iter().filter(|bar| !bar.ports && bar.address.is_multiple_of(PAGE_SIZE)) {
        if bar.length < PAGE_SIZE && !alone(bar.address) {
            continue;
        }
        let length = bar.length.next_multiple_of(PAGE_SIZE);
        let hidden = match &table {
            Some((index, bytes)) if *index == bar.index => {
                let end = bytes.end.next_multiple_of(PAGE_SIZE).min(length);
                (bytes.start - bytes.start % PAGE_SIZE).min(length)..end
            }
            _ => length..length,
        };
        let mut add = |range: Range<u64>| {
            if range.start < range.end {
                windows.push(Window { bar: bar.index, offset: range.start, length: range.end - range.start });
            }
        };
        add(0..hidden.start);
        add(hidden.end..length);
    }
    windows
}

/// The lowest place for `length` bytes (a power of two, at least a page) in `within` that none of `used` touches.
#[must_use]
pub fn free_place(within: Range<u64>, used: &[Range<u64>], length: u64) -> Option<u64> {
    let length = length.max(PAGE_SIZE);
    let mut start = within.start.checked_next_multiple_of(length)?;
    loop {
        let end = start.checked_add(length).filter(|end| *end <= within.end)?;
        // Each round goes past one of them for good.
        match used.iter().filter(|taken| taken.start < end && start < taken.end).map(|taken| taken.end).max() {
            Some(next) => start = next.checked_next_multiple_of(length)?,
            None => return Some(start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(index: u8, length: u64) -> Bar {
        Bar { index, ports: false, address: 0xe000_0000, length, wide: false, prefetchable: false }
    }

    fn table(bar: u8, offset: u32, count: u16) -> Messages {
        Messages::Table { capability: 0x40, bar, offset, count }
    }

    fn window(bar: u8, offset: u64, length: u64) -> Window {
        Window { bar, offset, length }
    }

    #[test]
    fn the_table_of_messages_is_not_the_drivers() {
        let bars = [bar(0, 0x4000), bar(1, 0x1000), bar(2, 0x100)];
        let shared = |messages: Option<&Messages>| windows(&bars, messages, |_| false);
        assert_eq!(shared(None), [window(0, 0, 0x4000), window(1, 0, 0x1000)]);
        assert_eq!(shared(Some(&table(1, 0, 3))), [window(0, 0, 0x4000)]);
        let split = shared(Some(&table(0, 0x1ff0, 2)));
        assert_eq!(split, [window(0, 0, 0x1000), window(0, 0x3000, 0x1000), window(1, 0, 0x1000)]);
        // A table beyond its register's memory hides nothing that is there.
        assert_eq!(windows(&bars[..1], Some(&table(0, 0x1000_0000, 2048)), |_| true), [window(0, 0, 0x4000)]);
    }

    #[test]
    fn memory_shorter_than_a_page_is_handed_out_if_the_page_is_its_own() {
        let bars = [bar(0, 0x10), Bar { address: 0xe000_0100, ..bar(1, 0x100) }];
        assert_eq!(windows(&bars, None, |page| page == 0xe000_0000), [window(0, 0, 0x1000)]);
        assert_eq!(windows(&bars, None, |_| false), []);
        assert_eq!(windows(&bars, Some(&table(0, 0, 1)), |_| true), []);
    }

    #[test]
    fn places_are_aligned_and_free() {
        let used = [0x1000_0000..0x1000_1000, 0x1000_4000..0x1000_8000, 0x1000_5000..0x1000_6000];
        let within = 0x1000_0000..0x1001_0000;
        assert_eq!(free_place(within.clone(), &used, 0x100), Some(0x1000_1000));
        assert_eq!(free_place(within.clone(), &used, 0x2000), Some(0x1000_2000));
        assert_eq!(free_place(within.clone(), &used, 0x8000), Some(0x1000_8000));
        assert_eq!(free_place(within, &used, 0x1_0000), None);
        assert_eq!(free_place(u64::MAX - 0x1000..u64::MAX, &[], 0x1000), None);
        assert_eq!(free_place(0..0, &[], 0x1000), None);
    }
}
