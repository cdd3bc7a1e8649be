//! A BNO055 at the other end of a line: its registers, and its protocol with a fault now and then.

use std::time::Duration;

use airox_machine::{Machine, Peer};

/// How long it waits for the rest of a request (the data sheet gives no time).
const PATIENCE: Duration = Duration::from_millis(30);
/// Every so many requests the chip is too busy for one.
const BUSY_EVERY: u32 = 13;
const OPERATION_MODE: usize = 0x3d;
const CONFIGURATION: u8 = 0;
const NDOF: u8 = 0x0c;

/// A chip that is plugged in.
pub struct Chip(#[expect(dead_code, reason = "plugged in as long as it lives")] Peer);

impl Chip {
    /// Plugs it in; it has just been switched on.
    pub fn plug_in(machine: &Machine) -> Result<Chip, String> {
        let mut registers = Registers::new();
        let mut request = Vec::new();
        let listen = move |bytes: &[u8]| {
            request.extend_from_slice(bytes);
            match registers.answer(&request) {
                // Not whole yet, unless nothing more has come.
                None if bytes.is_empty() && !request.is_empty() => {
                    request.clear();
                    vec![0xee, 0x0a]
                }
                None => Vec::new(),
                Some(answer) => {
                    request.clear();
                    answer
                }
            }
        };
        Peer::plug_in(machine, "imu.sock", PATIENCE, listen).map(Chip).map_err(|error| error.to_string())
    }
}

struct Registers {
    values: [u8; 256],
    requests: u32,
}

impl Registers {
    fn new() -> Registers {
        let mut values = [0; 256];
        values[0] = 0xa0;
        values[0x3b] = 0x80;
        values[OPERATION_MODE] = 0x10;
        Registers { values, requests: 0 }
    }

    /// What is measured: half a turn about an axis between X, Y and Z, turning by -0.25 rad/s, 9.81 m/s2, 23 degrees, calibrated.
    fn measure(&mut self) {
        let words: [(usize, i16); 6] =
            [(0x14, -225), (0x20, 8192), (0x22, 8192), (0x24, 8192), (0x26, 8192), (0x28, 981)];
        for (at, value) in words {
            self.values[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        (self.values[0x34], self.values[0x35], self.values[0x39]) = (23, 0xff, 5);
    }

    /// The answer to a request; none while it is not whole.
    fn answer(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        let answer = match *request {
            [] | [0xaa] | [0xaa, _] | [0xaa, _, _] | [0xaa, 0x00, _, _] => return None,
            [0xaa, 0x01, register, count] => {
                let (first, count) = (usize::from(register), usize::from(count));
                let data = self.values.get(first..first + count)?;
                [&[0xbb, count as u8], data].concat()
            }
            [0xaa, 0x00, register, 1, value] => self.write(register.into(), value),
            _ => vec![0xee, 0x06],
        };
        self.requests += 1;
        Some(if self.requests.is_multiple_of(BUSY_EVERY) { vec![0xee, 0x07] } else { answer })
    }

    fn write(&mut self, register: usize, value: u8) -> Vec<u8> {
        if register > OPERATION_MODE + 1 || (register > 7 && register < 0x3b) {
            return vec![0xee, 0x04];
        }
        self.values[register] = value;
        match value {
            NDOF if register == OPERATION_MODE => self.measure(),
            CONFIGURATION if register == OPERATION_MODE => self.values[0x39] = 0,
            _ => {}
        }
        vec![0xee, 0x01]
    }
}
