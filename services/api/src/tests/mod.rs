//! Every interface from client to server and back, and what hostile messages get.

mod hostile;
mod odd;
mod round_trip;
mod servers;

use super::INTERFACES;

#[test]
fn interface_ids_differ_in_the_half_that_travels_in_messages() {
    for (index, first) in INTERFACES.iter().enumerate() {
        assert_eq!(super::interface_by_id(u64::from(first.id)).map(|info| info.name), Some(first.name));
        for second in &INTERFACES[index + 1..] {
            assert_ne!(first.id as u16, second.id as u16, "{} {}", first.name, second.name);
        }
    }
    assert!(super::interface_by_id(0).is_none());
}
