//! Tests of [`super`].

use super::Ready;

#[test]
fn highest_looks_at_every_word() {
    let mut ready = Ready::new();
    assert_eq!(ready.highest(), -1);
    for priority in [0_usize, 63, 64, 127, 128, 200, 255] {
        ready.bitmap[priority / 64] |= 1 << (priority % 64);
        assert_eq!(ready.highest(), priority as i32);
    }
}
