//! Hubs' ports (chapter 11).

use crate::descriptor::Malformed;

/// Features of ports (table 11-17).
pub mod feature {
    /// The port gives power.
    pub const POWER: u16 = 8;
    /// The port resets what is connected.
    pub const RESET: u16 = 4;
    /// To be cleared: something was connected or disconnected; the other changes follow.
    pub const CONNECTION_CHANGE: u16 = 16;
    /// How many kinds of changes there are: connection, enabled, suspended, too much current, reset.
    pub const CHANGES: u16 = 5;
}

/// How fast a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// 1.5 Mbit/s.
    Low,
    /// 12 Mbit/s.
    Full,
    /// 480 Mbit/s.
    High,
    /// 5 Gbit/s and more.
    Super,
}

impl Speed {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Speed::Low => "low",
            Speed::Full => "full",
            Speed::High => "high",
            Speed::Super => "super",
        }
    }
}

/// The status of a port, of a hub or of a host controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortStatus {
    /// A device is connected.
    pub connected: bool,
    /// It is reset and can be talked to.
    pub enabled: bool,
    /// The reset goes on.
    pub resetting: bool,
    /// One was connected or disconnected since that was last cleared.
    pub connection_changed: bool,
    /// The device's speed, once it has been reset.
    pub speed: Speed,
}

impl PortStatus {
    /// What a hub says of a port (section 11.24.2.7).
    ///
    /// # Errors
    /// [`Malformed`]: these are not four bytes.
    pub fn parse(bytes: &[u8]) -> Result<PortStatus, Malformed> {
        let [status, high, change, _]: [u8; 4] = bytes.try_into().map_err(|_| Malformed)?;
        let speed = match high >> 1 & 3 {
            0 => Speed::Full,
            1 => Speed::Low,
            _ => Speed::High,
        };
        Ok(PortStatus {
            connected: status & 1 != 0,
            enabled: status & 1 << 1 != 0,
            resetting: status & 1 << 4 != 0,
            connection_changed: change & 1 != 0,
            speed,
        })
    }
}

/// A hub (section 11.23.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubDescriptor {
    /// How many ports.
    pub ports: u8,
    /// Milliseconds until a port that was switched on has power.
    pub power_on: u64,
    /// How long its translator of transactions thinks (bits 5 and 6 of its characteristics), as host controllers want it.
    pub think_time: u8,
}

impl HubDescriptor {
    /// Bytes to ask for.
    pub const LENGTH: u16 = 8;
    /// Most ports of a hub: what a route can name (USB 3.2, section 8.9).
    pub const MOST_PORTS: u8 = 15;

    /// Reads one.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<HubDescriptor, Malformed> {
        match *bytes {
            [length, 0x29, ports, low, _, power, ..] if length >= 7 && (1..=Self::MOST_PORTS).contains(&ports) => {
                Ok(HubDescriptor { ports, power_on: 2 * u64::from(power), think_time: low >> 5 & 3 })
            }
            _ => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read() {
        let status = PortStatus::parse(&[0b1_0011, 0b11, 1, 0]).unwrap();
        assert!(status.connected && status.enabled && status.resetting && status.connection_changed);
        assert_eq!(status.speed, Speed::Low);
        assert_eq!(PortStatus::parse(&[1, 1, 0, 0]).unwrap().speed, Speed::Full);
        assert_eq!(PortStatus::parse(&[1, 5, 0, 0]).unwrap().speed, Speed::High);
        assert_eq!(PortStatus::parse(&[1, 5, 0]), Err(Malformed));
        assert_eq!(PortStatus::parse(&[]), Err(Malformed));
    }

    #[test]
    fn hubs_are_read() {
        let hub = HubDescriptor::parse(&[9, 0x29, 4, 0xa0, 0, 50, 0, 0]).unwrap();
        assert_eq!(hub, HubDescriptor { ports: 4, power_on: 100, think_time: 1 });
        for bad in
            [&[9, 0x29, 0, 0, 0, 50, 0][..], &[9, 0x29, 16, 0, 0, 50, 0], &[9, 0x2a, 4, 0, 0, 50], &[9, 0x29], &[]]
        {
            assert_eq!(HubDescriptor::parse(bad), Err(Malformed), "{bad:?}");
        }
    }
}
