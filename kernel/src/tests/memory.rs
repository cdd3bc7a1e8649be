//! Tests of [`super`].

use super::*;

const fn range(start: u64, end: u64) -> Range {
    Range { start, end }
}

#[test]
fn the_kernel_takes_the_start_of_the_largest_range() {
    let map = [range(0, 0x9_f000), range(0x10_0800, 0x80_0000), range(0x1_0000_0000, 0x1_0010_0000)];
    let reserved = reserve(map.into_iter(), 0x10_0000).unwrap();
    assert_eq!(reserved, range(0x10_1000, 0x20_1000));
    let left: Vec<_> = map.iter().filter_map(|&range| remainder(range, reserved)).collect();
    assert_eq!(left, [(Frame(0x201), 0x5ff), (Frame(0x10_0000), 0x100)]);
}

#[test]
fn too_little_memory_is_refused() {
    assert_eq!(reserve([range(0x10_0000, 0x11_0000)].into_iter(), 0x2_0000), None);
    assert_eq!(reserve(core::iter::empty(), 0x1000), None);
}

#[test]
fn memory_below_one_mebibyte_and_torn_pages_are_left_alone() {
    assert_eq!(remainder(range(0, LOWEST), range(0, 0)), None);
    assert_eq!(remainder(range(0x20_0001, 0x20_0fff), range(0, 0)), None);
    assert_eq!(remainder(range(0x20_0001, 0x20_2fff), range(0, 0)), Some((Frame(0x201), 1)));
}
