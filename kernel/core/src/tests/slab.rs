//! Tests of [`super`].

use super::*;

#[test]
fn weak_references_notice_removal_and_reuse() {
    let mut slab = Slab::with_capacity(2);
    let first = slab.insert('a', Id::new(0)).unwrap();
    let weak = slab.weak(first);
    assert_eq!(slab.upgrade(weak), Some(first));
    slab.remove(first);
    assert_eq!(slab.upgrade(weak), None);
    let again = slab.insert('b', Id::new(0)).unwrap();
    assert_eq!(again, first, "the slot is used again");
    assert_eq!(slab.upgrade(weak), None);
    assert_eq!(slab[again], 'b');
}

#[test]
fn capacity_is_a_hard_limit() {
    let mut slab = Slab::with_capacity(1);
    assert!(slab.insert(1, Id::new(0)).is_some());
    assert!(slab.insert(2, Id::new(0)).is_none());
    assert_eq!(slab.live(), 1);
}
