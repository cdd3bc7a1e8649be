//! Tests of [`super`]: descriptors as devices have them, and as they should not.

use super::*;

const DEVICE: [u8; 18] = [18, 1, 0, 2, 0, 0, 0, 64, 0x27, 6, 1, 0, 0, 1, 1, 4, 11, 1];

/// A keyboard and, beside it, a pair of bulk endpoints with another setting.
fn configuration() -> Vec<u8> {
    let mut bytes = vec![9, 2, 0, 0, 2, 1, 8, 0xa0, 50];
    bytes.extend([9, 4, 0, 0, 1, 3, 1, 1, 0]);
    bytes.extend([9, 0x21, 0x11, 1, 0, 1, 0x22, 0x3f, 0]);
    bytes.extend([7, 5, 0x81, 3, 8, 0, 7]);
    bytes.extend([9, 4, 1, 0, 2, 8, 6, 0x50, 0]);
    bytes.extend([7, 5, 0x82, 2, 0, 2, 0]);
    bytes.extend([6, 0x30, 15, 0, 0, 0]);
    bytes.extend([7, 5, 2, 2, 0, 2, 0]);
    bytes.extend([9, 4, 1, 1, 2, 8, 6, 0x62, 0]);
    bytes.extend([7, 5, 0x82, 2, 0, 2, 0]);
    let length = (bytes.len() as u16).to_le_bytes();
    bytes[2..4].copy_from_slice(&length);
    bytes
}

#[test]
fn a_device_is_read() {
    let device = DeviceDescriptor::parse(&DEVICE).unwrap();
    assert_eq!((device.vendor, device.product, device.release, device.name), (0x627, 1, 0x100, 4));
    assert_eq!((device.packet, device.class), (64, 0));
    let mut fast = DEVICE;
    (fast[3], fast[7]) = (3, 9);
    assert_eq!(DeviceDescriptor::parse(&fast).unwrap().packet, 512);
}

#[test]
fn devices_that_lie_are_refused() {
    for length in 0..DEVICE.len() {
        assert_eq!(DeviceDescriptor::parse(&DEVICE[..length]), Err(Malformed), "{length}");
    }
    for (at, value) in [(0, 17), (1, 2), (7, 0), (7, 9), (7, 255), (17, 0)] {
        let mut bad = DEVICE;
        bad[at] = value;
        assert_eq!(DeviceDescriptor::parse(&bad), Err(Malformed), "{at}");
    }
}

#[test]
fn a_configuration_is_read() {
    let read = Configuration::parse(&configuration()).unwrap();
    assert_eq!(read.value, 1);
    let [keyboard, storage] = &read.interfaces[..] else { panic!("{read:?}") };
    assert_eq!((keyboard.number, keyboard.class), (0, crate::class::BOOT_KEYBOARD));
    let endpoint = Endpoint { address: 0x81, kind: EndpointKind::Interrupt, packet: 8, interval: 7, burst: 0 };
    assert_eq!(keyboard.endpoints, [endpoint]);
    assert_eq!((storage.number, storage.class), (1, crate::class::MASS_STORAGE));
    let bulk = |address, burst| Endpoint { address, kind: EndpointKind::Bulk, packet: 512, interval: 0, burst };
    assert_eq!(storage.endpoints, [bulk(0x82, 15), bulk(2, 0)]);
}

#[test]
fn configurations_that_lie_are_refused() {
    let good = configuration();
    for length in 0..good.len() {
        assert_eq!(Configuration::parse(&good[..length]), Err(Malformed), "{length}");
    }
    // Lengths of 0 and 1, past the end, an endpoint of number 0, with a reserved bit, with too large a packet, an interface twice, too large a burst, too long
    // and too short a whole, an endpoint twice.
    let lies = [
        (9, 0),
        (9, 1),
        (9, 255),
        (29, 0x80),
        (29, 0x91),
        (32, 0xff),
        (36, 0),
        (52, 16),
        (3, 0xff),
        (2, 8),
        (58, 0x82),
    ];
    for (at, value) in lies {
        let mut bad = good.clone();
        bad[at] = value;
        assert_eq!(Configuration::parse(&bad), Err(Malformed), "{at} = {value}");
    }
}

#[test]
fn whatever_a_device_says_is_survived() {
    // A small generator: every byte of both replaced by what comes.
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for _ in 0..20_000 {
        let mut bytes = configuration();
        for _ in 0..4 {
            let at = usize::from(next()) % bytes.len();
            bytes[at] = next();
        }
        if let Ok(read) = Configuration::parse(&bytes) {
            let mut addresses: Vec<u8> =
                read.interfaces.iter().flat_map(|it| it.endpoints.iter().map(|it| it.address)).collect();
            let count = addresses.len();
            addresses.sort_unstable();
            addresses.dedup();
            assert_eq!(addresses.len(), count);
            assert!(addresses.iter().all(|address| address & 0xf != 0));
        }
        let _ = (DeviceDescriptor::parse(&bytes), text(&bytes));
    }
}

#[test]
fn texts_are_cleaned() {
    assert_eq!(text(&[8, 3, b'a', 0, 0x1b, 0, b'b', 0]).unwrap(), "ab");
    assert_eq!(text(&[4, 3, 0, 0xd8]).unwrap(), "\u{fffd}");
    assert_eq!(text(&[2, 3]).unwrap(), "");
    for bad in [&[8, 3, 1][..], &[1, 3], &[8, 4, 0, 0, 0, 0, 0, 0], &[], &[2]] {
        assert_eq!(text(bad), Err(Malformed));
    }
}
