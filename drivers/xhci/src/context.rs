//! Contexts: what the controller is told of a device and its endpoints (section 6.2).

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::usb::{Endpoint, EndpointKind};
use airox_usb::hub::Speed;

/// Where a device is, as the controller wants to know it.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The controller's port.
    pub root: u8,
    /// The hubs' ports behind it, four bits each (USB 3.2, section 8.9).
    pub route: u32,
    /// How fast the device is.
    pub speed: Speed,
    /// The fast hub, and its port, that translates for a slow device.
    pub translator: Option<(u8, u8)>,
}

/// What is told of a hub: its ports, and how long it thinks.
pub type HubFacts = Option<(u8, u8)>;

/// The number of an endpoint's context and doorbell (section 4.5.1).
pub const fn number(address: u8) -> u8 {
    match address & 0xf {
        0 => 1,
        number => number * 2 + (address >> 7),
    }
}

/// An input context in the making: what is to be told.
pub struct Input<'a, D> {
    memory: &'a mut D,
    offset: usize,
    bytes: usize,
    add: u32,
    last: u8,
}

impl<'a, D: DmaMemory> Input<'a, D> {
    /// An empty one at this offset, with contexts of this size.
    pub fn new(memory: &'a mut D, offset: usize, bytes: usize) -> Input<'a, D> {
        for at in (offset..offset + crate::ring::PAGE).step_by(8) {
            memory.write_u64(at, 0);
        }
        Input { memory, offset, bytes, add: 0, last: 1 }
    }

    fn word(&mut self, context: u8, index: usize, value: u32) {
        self.memory.write_u32(self.offset + (usize::from(context) + 1) * self.bytes + index * 4, value);
    }

    /// Tells of an endpoint, which is not the first told of if `again`: then it begins anew.
    pub fn endpoint(&mut self, endpoint: &Endpoint, speed: Speed, ring: u64, again: bool) {
        let number = number(endpoint.address);
        self.add |= 1 << number;
        self.last = self.last.max(number);
        if again {
            self.memory.write_u32(self.offset, 1 << number);
        }
        let input = if endpoint.is_in() { 4 } else { 0 };
        let kind = match endpoint.kind {
            EndpointKind::Control => 4,
            EndpointKind::Isochronous => 1 + input,
            EndpointKind::Bulk => 2 + input,
            EndpointKind::Interrupt => 3 + input,
        };
        // Three tries, but for those that never repeat.
        let tries = if endpoint.kind == EndpointKind::Isochronous { 0 } else { 3 };
        let packet = u32::from(endpoint.packet);
        let burst = u32::from(endpoint.burst);
        self.word(number, 0, interval(endpoint, speed) << 16);
        self.word(number, 1, tries << 1 | kind << 3 | burst << 8 | packet << 16);
        self.word(number, 2, ring as u32);
        self.word(number, 3, (ring >> 32) as u32);
        let (average, most) = match endpoint.kind {
            EndpointKind::Control => (8, 0),
            EndpointKind::Bulk => (3072, 0),
            EndpointKind::Isochronous | EndpointKind::Interrupt => (packet, packet * (burst + 1)),
        };
        self.word(number, 4, average | most << 16);
    }

    /// Tells of the device, and says what is told. `last` is the highest endpoint of the device, if it has others than are told of.
    pub fn finish(mut self, route: &Route, hub: HubFacts, last: u8) {
        let speed = match route.speed {
            Speed::Full => 1,
            Speed::Low => 2,
            Speed::High => 3,
            Speed::Super => 4,
        };
        let entries = u32::from(self.last.max(last));
        let is_hub = u32::from(hub.is_some());
        let (ports, think) = hub.unwrap_or((0, 0));
        self.word(0, 0, route.route | speed << 20 | is_hub << 26 | entries << 27);
        self.word(0, 1, u32::from(route.root) << 16 | u32::from(ports) << 24);
        let (slot, port) = route.translator.unwrap_or((0, 0));
        let think = if route.speed == Speed::High { u32::from(think) } else { 0 };
        self.word(0, 2, u32::from(slot) | u32::from(port) << 8 | think << 16);
        let add = self.add | 1;
        self.memory.write_u32(self.offset + 4, add);
    }
}

/// How often an endpoint is asked: every 125 us times a power of two (section 6.2.3.6).
fn interval(endpoint: &Endpoint, speed: Speed) -> u32 {
    let asked = u32::from(endpoint.interval.max(1));
    match (endpoint.kind, speed) {
        (EndpointKind::Control | EndpointKind::Bulk, _) => 0,
        // In milliseconds.
        (EndpointKind::Interrupt, Speed::Low | Speed::Full) => (3 + asked.ilog2()).min(10),
        (EndpointKind::Isochronous, Speed::Full) => (asked + 2).min(15),
        _ => (asked - 1).min(15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_numbered_and_asked_in_time() {
        assert_eq!((number(0), number(0x81), number(2), number(0x8f)), (1, 3, 4, 31));
        let asked = |kind, speed, value| {
            interval(&Endpoint { address: 0x81, kind, packet: 8, interval: value, burst: 0 }, speed)
        };
        // Every 8 ms at the latest, by the spec's table; every 2^(4-1) * 125 us.
        assert_eq!(asked(EndpointKind::Interrupt, Speed::Full, 10), 6);
        assert_eq!(asked(EndpointKind::Interrupt, Speed::Low, 255), 10);
        assert_eq!(asked(EndpointKind::Interrupt, Speed::High, 4), 3);
        assert_eq!(asked(EndpointKind::Interrupt, Speed::Super, 255), 15);
        assert_eq!(asked(EndpointKind::Interrupt, Speed::High, 0), 0);
        assert_eq!(asked(EndpointKind::Bulk, Speed::High, 9), 0);
    }
}
