//! Tests of [`super`].

use super::Ready;

#[test]
fn highest_looks_at_every_word() {
    let mut ready = Ready::new();
    assert_eq!(ready.highest, -1);
    let priorities = [0_usize, 63, 64, 127, 128, 200, 255];
    for priority in priorities {
        ready.set(priority);
        assert_eq!(ready.highest, priority as i32);
    }
    ready.clear(63);
    for pair in [255, 200, 128, 127, 64, 0, -1].windows(2) {
        assert_eq!(ready.highest, pair[0]);
        ready.clear(pair[0] as usize);
        assert_eq!(ready.highest, pair[1]);
    }
}
