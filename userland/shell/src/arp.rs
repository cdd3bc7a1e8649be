//! Asking who has an IPv4 address on an Ethernet (RFC 826).

use airox_driver_traits::network::MacAddress;
use alloc::vec::Vec;

/// An IPv4 address.
pub type Ipv4 = [u8; 4];

/// Ethernet type of the protocol.
const TYPE: [u8; 2] = [0x08, 0x06];
/// Ethernet, IPv4, and the lengths of their addresses.
const KINDS: [u8; 6] = [0, 1, 0x08, 0x00, 6, 4];
const REQUEST: [u8; 2] = [0, 1];
const REPLY: [u8; 2] = [0, 2];
/// Where in a frame the payload begins, and in that the sender's addresses.
const PAYLOAD: usize = 14;
const SENDER: usize = PAYLOAD + 8;
const LENGTH: usize = PAYLOAD + 28;

/// The frame by which `own` asks everybody who has `wanted`; `address` is the Ethernet address of who asks.
#[must_use]
pub fn request(address: MacAddress, own: Ipv4, wanted: Ipv4) -> Vec<u8> {
    let MacAddress(address) = address;
    let nobody = [0; 6];
    [&MacAddress::BROADCAST.0[..], &address, &TYPE, &KINDS, &REQUEST, &address, &own, &nobody, &wanted].concat()
}

/// Who says in this frame that it has the address `wanted`, if that is what it says.
#[must_use]
pub fn answer(frame: &[u8], wanted: Ipv4) -> Option<MacAddress> {
    let (head, rest) = frame.get(..LENGTH)?.split_at(SENDER);
    let is_reply = head[12..] == [&TYPE[..], &KINDS, &REPLY].concat();
    let address = rest.first_chunk()?;
    (is_reply && rest[6..10] == wanted).then_some(MacAddress(*address))
}

/// An address as people write it: four numbers with dots in between.
#[must_use]
pub fn parse(text: &str) -> Option<Ipv4> {
    let mut parts = text.split('.');
    let mut address = [0; 4];
    for byte in &mut address {
        *byte = parts.next()?.parse().ok()?;
    }
    parts.next().is_none().then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: MacAddress = MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
    const OTHER: MacAddress = MacAddress([0x52, 0x55, 10, 0, 2, 2]);

    /// What a host that has an address says to a request.
    fn reply(request: &[u8], address: MacAddress) -> Vec<u8> {
        let mut frame = request.to_vec();
        frame[21] = 2;
        frame[..6].copy_from_slice(&request[6..12]);
        frame[6..12].copy_from_slice(&address.0);
        frame[22..28].copy_from_slice(&address.0);
        frame[28..32].copy_from_slice(&request[38..42]);
        frame[32..38].copy_from_slice(&request[6..12]);
        frame[38..42].copy_from_slice(&request[28..32]);
        frame
    }

    #[test]
    fn the_question_is_as_the_standard_says() {
        let frame = request(OWN, [10, 0, 2, 15], [10, 0, 2, 2]);
        assert_eq!(frame.len(), LENGTH);
        assert_eq!(frame[..14], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 6]);
        assert_eq!(frame[14..22], [0, 1, 8, 0, 6, 4, 0, 1]);
        assert_eq!((&frame[28..32], &frame[38..]), (&[10, 0, 2, 15][..], &[10, 0, 2, 2][..]));
    }

    #[test]
    fn only_an_answer_about_the_address_counts() {
        let question = request(OWN, [10, 0, 2, 15], [10, 0, 2, 2]);
        let good = reply(&question, OTHER);
        assert_eq!(answer(&good, [10, 0, 2, 2]), Some(OTHER));
        assert_eq!(answer(&good, [10, 0, 2, 3]), None);
        assert_eq!(answer(&question, [10, 0, 2, 15]), None, "a question");
        assert_eq!(answer(&good[..41], [10, 0, 2, 2]), None, "cut");
        for at in [12, 13, 14, 15, 16, 17, 18, 19, 20, 21] {
            let mut other = good.clone();
            other[at] ^= 4;
            assert_eq!(answer(&other, [10, 0, 2, 2]), None, "byte {at}");
        }
        let padded = [&good[..], &[0; 18]].concat();
        assert_eq!(answer(&padded, [10, 0, 2, 2]), Some(OTHER));
    }

    #[test]
    fn addresses_are_four_numbers() {
        assert_eq!(parse("10.0.2.255"), Some([10, 0, 2, 255]));
        for bad in ["", "10.0.2", "10.0.2.2.2", "10.0.2.256", "10.0.2.x", "10..2.2", "-1.0.0.0"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
