//! Model devices.

use std::collections::VecDeque;

/// What a device says to a request or transfer.
pub enum Answer {
    /// These bytes, or that it took some.
    Data(Vec<u8>),
    /// No.
    Stall,
    /// Nothing, for now.
    Wait,
}

/// A device at a port.
#[derive(Clone)]
pub struct Device {
    pub descriptor: Vec<u8>,
    pub configuration: Vec<u8>,
    pub speed: u32,
    /// Ports, if it is a hub: what is there, and the status and changes of each.
    pub ports: Vec<(Option<Box<Device>>, u16, u16)>,
    /// What it sends at endpoint 1.
    pub input: VecDeque<Vec<u8>>,
    /// What came at endpoint 2.
    pub output: Vec<u8>,
    /// Whether endpoint 1, or every request, is refused.
    pub halted: bool,
    /// It says nothing any more.
    pub silent: bool,
    /// Requests that came.
    pub requests: Vec<[u8; 8]>,
}

const KEYBOARD: [u8; 34] = [
    9, 2, 34, 0, 1, 1, 0, 0xa0, 50, 9, 4, 0, 0, 1, 3, 1, 1, 0, 9, 0x21, 0x11, 1, 0, 1, 0x22, 0x3f, 0, 7, 5, 0x81, 3, 8,
    0, 7,
];
const STORAGE: [u8; 32] =
    [9, 2, 32, 0, 1, 1, 0, 0xc0, 0, 9, 4, 0, 0, 2, 8, 6, 0x50, 0, 7, 5, 0x81, 2, 0, 2, 0, 7, 5, 2, 2, 0, 2, 0];
const HUB: [u8; 25] = [9, 2, 25, 0, 1, 1, 0, 0xe0, 0, 9, 4, 0, 0, 1, 9, 0, 0, 0, 7, 5, 0x81, 3, 2, 0, 255];

impl Device {
    fn new(class: u8, packet: u8, speed: u32, configuration: &[u8]) -> Device {
        let descriptor = vec![18, 1, 0, 2, class, 0, 0, packet, 0x27, 6, 1, 0, 0, 1, 0, 2, 0, 1];
        Device {
            descriptor,
            configuration: configuration.to_vec(),
            speed,
            ports: vec![],
            input: VecDeque::new(),
            output: vec![],
            halted: false,
            silent: false,
            requests: vec![],
        }
    }

    pub fn keyboard() -> Device {
        Device::new(0, 8, 2, &KEYBOARD)
    }

    pub fn storage() -> Device {
        Device::new(0, 64, 3, &STORAGE)
    }

    pub fn hub(ports: usize) -> Device {
        Device { ports: vec![(None, 0, 0); ports], ..Device::new(9, 64, 1, &HUB) }
    }

    /// Plugs something into a hub's port, or pulls it out.
    pub fn set_port(&mut self, port: usize, device: Option<Device>) {
        let speed = if device.as_ref().is_some_and(|device| device.speed == 2) { 1 << 9 } else { 0 };
        let status = if device.is_some() { 1 | 1 << 8 | speed } else { 1 << 8 };
        self.ports[port - 1] = (device.map(Box::new), status, 1);
    }

    pub fn request(&mut self, setup: [u8; 8], _data: &[u8]) -> Answer {
        self.requests.push(setup);
        let [kind, request, low, high, index, _, length, most] = setup;
        let wanted = usize::from(u16::from_le_bytes([length, most]));
        let answer = match (kind, request, high) {
            (0x80, 6, 1) => self.descriptor.clone(),
            (0x80, 6, 2) => self.configuration.clone(),
            (0x80, 6, 3) => vec![8, 3, b'a', 0, b'b', 0, b'c', 0],
            (0xa0, 6, 0x29) => vec![9, 0x29, self.ports.len() as u8, 0, 0, 50, 0, 0, 255],
            (0xa3, 0, _) => {
                let Some((_, status, change)) = self.ports.get(usize::from(index).wrapping_sub(1)) else {
                    return Answer::Stall;
                };
                [status.to_le_bytes(), change.to_le_bytes()].concat()
            }
            (0x23, 3, _) => {
                if let Some((_, status, change)) = self.ports.get_mut(usize::from(index).wrapping_sub(1))
                    && low == 4
                {
                    *status |= 1 << 1;
                    *change |= 1 << 4;
                }
                vec![]
            }
            (0x23, 1, _) => {
                if let Some((_, _, change)) = self.ports.get_mut(usize::from(index).wrapping_sub(1)) {
                    *change &= !(1 << low.saturating_sub(16).min(15));
                }
                vec![]
            }
            (0, 9, _) | (0x21, _, _) => vec![],
            (2, 1, _) => {
                self.halted = false;
                vec![]
            }
            _ => return Answer::Stall,
        };
        Answer::Data(answer[..answer.len().min(wanted)].to_vec())
    }

    /// Wants up to so many bytes from endpoint 1.
    pub fn send(&mut self) -> Answer {
        if self.halted {
            return Answer::Stall;
        }
        let changes = self.ports.iter().enumerate().filter(|(_, (_, _, change))| *change != 0);
        let bits = changes.fold(0, |bits, (index, _)| bits | 2 << index);
        match self.input.pop_front() {
            Some(bytes) => Answer::Data(bytes),
            None if bits != 0 => Answer::Data(vec![bits]),
            None => Answer::Wait,
        }
    }
}
