//! Descriptors (section 9.5 and 9.6).

use airox_driver_traits::usb::{Endpoint, EndpointKind};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::request::Kind;

/// Most bytes of a configuration that are looked at.
pub const MAX_CONFIGURATION: u16 = 2048;
/// Most interfaces of a configuration.
pub const MAX_INTERFACES: usize = 16;
/// Most bytes of a text.
pub const MAX_TEXT: u16 = 255;

const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;
/// What an endpoint of USB 3 says besides (USB 3.2, section 9.6.7).
const COMPANION: u8 = 0x30;

/// What a device says cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the device describes itself wrongly")
    }
}

impl core::error::Error for Malformed {}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

fn triple(class: u8, subclass: u8, protocol: u8) -> u32 {
    u32::from_be_bytes([0, class, subclass, protocol])
}

/// A device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceDescriptor {
    /// Its class, 0 if its interfaces tell theirs.
    pub class: u32,
    /// Most bytes of a packet at endpoint 0.
    pub packet: u16,
    /// Who made it.
    pub vendor: u16,
    /// What it is.
    pub product: u16,
    /// Which version of it.
    pub release: u16,
    /// Number of the text with its name, 0 if there is none.
    pub name: u8,
}

impl DeviceDescriptor {
    /// How long it is.
    pub const LENGTH: u16 = 18;
    /// How much of it must be known to know the packet's size.
    pub const START: u16 = 8;

    /// The size of packets at endpoint 0, from the first [`DeviceDescriptor::START`] bytes.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn packet(start: &[u8]) -> Result<u16, Malformed> {
        match *start {
            [length, kind, _, version, _, _, _, packet, ..] if length >= 18 && kind == Kind::Device as u8 => {
                match (version, packet) {
                    // From USB 3 on it is a power of two.
                    (3.., 9) => Ok(512),
                    (..3, 8 | 16 | 32 | 64) => Ok(packet.into()),
                    _ => Err(Malformed),
                }
            }
            _ => Err(Malformed),
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<DeviceDescriptor, Malformed> {
        let packet = DeviceDescriptor::packet(bytes)?;
        let number = |at| word(bytes, at).ok_or(Malformed);
        let [class, subclass, protocol] = [4, 5, 6].map(|at| bytes.get(at).copied().unwrap_or_default());
        let (vendor, product, release) = (number(8)?, number(10)?, number(12)?);
        let [name, configurations] = [bytes.get(15), bytes.get(17)].map(|byte| byte.copied().ok_or(Malformed));
        if configurations? == 0 {
            return Err(Malformed);
        }
        Ok(DeviceDescriptor { class: triple(class, subclass, protocol), packet, vendor, product, release, name: name? })
    }
}

/// A function of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its number.
    pub number: u8,
    /// Its class, subclass and protocol.
    pub class: u32,
    /// Its endpoints, in the setting it has at first.
    pub endpoints: Vec<Endpoint>,
}

/// A configuration: what can be used at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The number that chooses it.
    pub value: u8,
    /// Its interfaces; no two of them have an endpoint in common.
    pub interfaces: Vec<Interface>,
}

impl Configuration {
    /// Bytes of its first descriptor, which tells how long all are.
    pub const START: u16 = 9;

    /// How long all of it is.
    ///
    /// # Errors
    /// [`Malformed`]: also if it is longer than [`MAX_CONFIGURATION`].
    pub fn length(start: &[u8]) -> Result<u16, Malformed> {
        let is = matches!(*start, [9, kind, ..] if kind == Kind::Configuration as u8);
        let total = word(start, 2).filter(|total| is && (Self::START..=MAX_CONFIGURATION).contains(total));
        total.ok_or(Malformed)
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Configuration, Malformed> {
        let total = usize::from(Configuration::length(bytes)?);
        let mut rest = bytes.get(..total).ok_or(Malformed)?;
        let mut configuration = Configuration { value: *bytes.get(5).ok_or(Malformed)?, interfaces: Vec::new() };
        // Whether what comes belongs to a setting that an interface does not have at first.
        let mut passed_over = true;
        while let [length, kind, ..] = *rest {
            let (descriptor, after) = rest.split_at_checked(usize::from(length)).ok_or(Malformed)?;
            if length < 2 {
                return Err(Malformed);
            }
            rest = after;
            match kind {
                INTERFACE => passed_over = !configuration.begin_interface(descriptor)?,
                ENDPOINT if !passed_over => configuration.add_endpoint(descriptor)?,
                COMPANION if !passed_over => {
                    let endpoints = configuration.interfaces.last_mut().map(|interface| &mut interface.endpoints);
                    let last = endpoints.and_then(|endpoints| endpoints.last_mut()).ok_or(Malformed)?;
                    last.burst = descriptor.get(2).copied().filter(|burst| *burst < 16).ok_or(Malformed)?;
                }
                _ => {}
            }
        }
        if rest.is_empty() { Ok(configuration) } else { Err(Malformed) }
    }

    /// Returns whether it is an interface's first setting.
    fn begin_interface(&mut self, descriptor: &[u8]) -> Result<bool, Malformed> {
        let [_, _, number, setting, _, class, subclass, protocol, _] = *descriptor else { return Err(Malformed) };
        if setting != 0 {
            return Ok(false);
        }
        if self.interfaces.len() >= MAX_INTERFACES || self.interfaces.iter().any(|other| other.number == number) {
            return Err(Malformed);
        }
        self.interfaces.push(Interface { number, class: triple(class, subclass, protocol), endpoints: Vec::new() });
        Ok(true)
    }

    fn add_endpoint(&mut self, descriptor: &[u8]) -> Result<(), Malformed> {
        // Those of audio are longer.
        let [_, _, address, attributes, low, high, interval, ..] = *descriptor else { return Err(Malformed) };
        let kind = match attributes & 3 {
            0 => EndpointKind::Control,
            1 => EndpointKind::Isochronous,
            2 => EndpointKind::Bulk,
            _ => EndpointKind::Interrupt,
        };
        // The bits above say how many packets an interval has.
        let packet = u16::from_le_bytes([low, high]) & 0x7ff;
        let known = self.interfaces.iter().any(|it| it.endpoints.iter().any(|other| other.address == address));
        if address & 0x70 != 0 || address & 0xf == 0 || packet > 1024 || known {
            return Err(Malformed);
        }
        let interface = self.interfaces.last_mut().ok_or(Malformed)?;
        // One that moves nothing is of no use, and some devices have such in their first setting.
        if packet != 0 {
            interface.endpoints.push(Endpoint { address, kind, packet, interval, burst: 0 });
        }
        Ok(())
    }
}

/// A text (section 9.6.7), without its control characters.
///
/// # Errors
/// [`Malformed`].
pub fn text(bytes: &[u8]) -> Result<String, Malformed> {
    match *bytes {
        [length, kind, ..] if kind == Kind::Text as u8 && length >= 2 => {
            let units = bytes.get(2..usize::from(length)).ok_or(Malformed)?.chunks_exact(2);
            let units = units.map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
            let letters = char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER));
            Ok(letters.filter(|letter| !letter.is_control()).collect())
        }
        _ => Err(Malformed),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
