//! Standard requests (section 9.4), and those of hubs (section 11.24).

use airox_driver_traits::usb::Setup;

const GET_STATUS: u8 = 0;
const CLEAR_FEATURE: u8 = 1;
const SET_FEATURE: u8 = 3;
pub(crate) const GET_DESCRIPTOR: u8 = 6;
const SET_CONFIGURATION: u8 = 9;
/// To a port of a hub: class request, recipient "other".
const PORT: u8 = Setup::CLASS | 3;
const ENDPOINT_HALT: u16 = 0;

/// Kinds of descriptors (table 9-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The device.
    Device = 1,
    /// A configuration with all that belongs to it.
    Configuration = 2,
    /// A text.
    Text = 3,
    /// A hub (section 11.23.2.1).
    Hub = 0x29,
}

/// Asks for a descriptor.
#[must_use]
pub const fn descriptor(kind: Kind, index: u8, length: u16) -> Setup {
    /// English, which every device that has texts has them in.
    const LANGUAGE: u16 = 0x0409;
    let class = if matches!(kind, Kind::Hub) { Setup::CLASS } else { 0 };
    let language = if matches!(kind, Kind::Text) { LANGUAGE } else { 0 };
    let value = (kind as u16) << 8 | index as u16;
    Setup { kind: Setup::IN | class, request: GET_DESCRIPTOR, value, index: language, length }
}

/// Chooses a configuration.
#[must_use]
pub const fn set_configuration(value: u8) -> Setup {
    Setup { kind: 0, request: SET_CONFIGURATION, value: value as u16, index: 0, length: 0 }
}

/// Makes an endpoint that refused something work again.
#[must_use]
pub const fn clear_halt(endpoint: u8) -> Setup {
    Setup { kind: Setup::ENDPOINT, request: CLEAR_FEATURE, value: ENDPOINT_HALT, index: endpoint as u16, length: 0 }
}

/// Asks for the status of a hub's port: four bytes, [`crate::hub::PortStatus`].
#[must_use]
pub const fn port_status(port: u8) -> Setup {
    Setup { kind: Setup::IN | PORT, request: GET_STATUS, value: 0, index: port as u16, length: 4 }
}

/// Sets or clears a feature of a hub's port: [`crate::hub::feature`].
#[must_use]
pub const fn port_feature(set: bool, feature: u16, port: u8) -> Setup {
    let request = if set { SET_FEATURE } else { CLEAR_FEATURE };
    Setup { kind: PORT, request, value: feature, index: port as u16, length: 0 }
}
