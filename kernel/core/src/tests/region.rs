//! Tests of [`super`].

use super::*;

#[test]
fn the_index_of_a_region_is_charged_with_it() {
    assert_eq!((levels(1), lazy_frames(1)), (0, 1));
    assert_eq!((levels(2), lazy_frames(2)), (1, 3));
    assert_eq!((levels(512), lazy_frames(512)), (1, 513));
    assert_eq!((levels(513), lazy_frames(513)), (2, 513 + 2 + 1));
    assert_eq!(levels(MAX_REGION_PAGES), 3);
}
