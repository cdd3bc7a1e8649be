//! What the driver of one interface may ask of its device.

use airox_driver_traits::usb::{Endpoint, Setup};

use crate::request::GET_DESCRIPTOR;

const KIND_MASK: u8 = 3 << 5;
const STANDARD: u8 = 0;
const RECIPIENT_MASK: u8 = 0x1f;
const DEVICE: u8 = 0;

/// Whether the driver of interface `number` with these endpoints may make this request. `alone` says that its device has no other interface.
///
/// Standard requests change what all drivers of a device rely on (its configuration, its address, endpoints' halts and alternate settings, which the host
/// controller must know of), so of these only descriptors may be asked for. Requests of a class or vendor go to the own interface or its endpoints; to the
/// device only if nobody else uses it.
#[must_use]
pub fn may_request(setup: &Setup, number: u8, endpoints: &[Endpoint], alone: bool) -> bool {
    let [index, high] = setup.index.to_le_bytes();
    let is_own = match setup.kind & RECIPIENT_MASK {
        DEVICE => alone,
        // Printers put an alternate setting into the upper half.
        Setup::INTERFACE => index == number,
        Setup::ENDPOINT => high == 0 && endpoints.iter().any(|endpoint| endpoint.address == index),
        _ => false,
    };
    match setup.kind & KIND_MASK {
        STANDARD => {
            let to_device = setup.kind & RECIPIENT_MASK == DEVICE;
            setup.request == GET_DESCRIPTOR && setup.kind & Setup::IN != 0 && (is_own || to_device)
        }
        Setup::CLASS | Setup::VENDOR => is_own,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airox_driver_traits::usb::EndpointKind;

    #[test]
    fn only_ones_own_interface() {
        let endpoint = Endpoint { address: 0x81, kind: EndpointKind::Interrupt, packet: 8, interval: 7, burst: 0 };
        let may = |kind, request, index, alone| {
            may_request(&Setup { kind, request, value: 0, index, length: 0 }, 2, &[endpoint], alone)
        };
        // Set protocol, to the own interface and to another's; get a report descriptor.
        assert!(may(0x21, 0x0b, 2, false) && !may(0x21, 0x0b, 1, true));
        assert!(may(0x81, 6, 2, false) && !may(0x81, 6, 1, false) && may(0x80, 6, 0, false));
        // Vendor requests to the device, class requests to endpoints.
        assert!(may(0x40, 3, 0x4138, true) && !may(0x40, 3, 0x4138, false));
        assert!(may(0x22, 1, 0x81, false) && !may(0x22, 1, 0x02, true) && !may(0x22, 1, 0x181, true));
        // Set address, configuration, interface; clear a halt; reserved kinds; ports of hubs.
        for (kind, request) in [(0, 5), (0, 9), (1, 11), (2, 1), (0, 6), (0x60, 0), (0x23, 3), (0x9f, 6)] {
            assert!(!may(kind, request, 2, true), "{kind:#x} {request}");
            assert!(!may(kind, request, 0x81, true), "{kind:#x} {request}");
        }
    }
}
