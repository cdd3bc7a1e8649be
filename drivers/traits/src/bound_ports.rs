//! Port access by the authority of handles.

use crate::PortIo;
use airox_sys::io::PortRange;
use alloc::vec::Vec;

/// The port ranges bound to this process. Any other port is like one without a device: it reads as all ones, and what is written to
/// it is lost.
#[derive(Debug, Default)]
pub struct BoundPorts(Vec<PortRange>);

impl BoundPorts {
    /// Access to these ranges.
    #[must_use]
    pub fn new(ranges: impl IntoIterator<Item = PortRange>) -> BoundPorts {
        BoundPorts(ranges.into_iter().collect())
    }

    /// Whether a port is in one of them.
    #[must_use]
    pub fn has(&self, port: u16) -> bool {
        self.find(port, 1).is_some()
    }

    /// The range that has `width` ports from `port` on, and the first one's offset in it.
    fn find(&self, port: u16, width: u16) -> Option<(&PortRange, u16)> {
        let last = port.checked_add(width - 1)?;
        self.0.iter().find_map(|range| {
            range.offset_of(last)?;
            Some((range, range.offset_of(port)?))
        })
    }
}

impl PortIo for BoundPorts {
    fn read_u8(&mut self, port: u16) -> u8 {
        self.find(port, 1).map_or(u8::MAX, |(range, offset)| range.read_u8(offset))
    }

    fn write_u8(&mut self, port: u16, value: u8) {
        if let Some((range, offset)) = self.find(port, 1) {
            range.write_u8(offset, value);
        }
    }

    fn read_u16(&mut self, port: u16) -> u16 {
        self.find(port, 2).map_or(u16::MAX, |(range, offset)| range.read_u16(offset))
    }

    fn write_u16(&mut self, port: u16, value: u16) {
        if let Some((range, offset)) = self.find(port, 2) {
            range.write_u16(offset, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_without_authority_are_like_ports_without_a_device() {
        let mut ports = BoundPorts::default();
        ports.write_u8(0x80, 1);
        ports.write_u16(0xffff, 1);
        assert_eq!((ports.read_u8(0x80), ports.read_u16(0xffff)), (0xff, 0xffff));
        assert!(!ports.has(0x80));
    }
}
