//! Tests of [`super`].

use super::*;

#[test]
fn tag_fields_do_not_overlap() {
    let tag = Tag::new(0xffff).with_handles(4).with_leases(3).with_user(0xdead_beef).with_kind(MessageKind::Fault);
    assert_eq!(tag.label(), 0xffff);
    assert_eq!(tag.handles(), 4);
    assert_eq!(tag.leases(), 3);
    assert_eq!(tag.user(), 0xdead_beef);
    assert_eq!(tag.kind(), MessageKind::Fault);
    assert_eq!(tag.with_kind(MessageKind::Call).kind(), MessageKind::Call);
}
