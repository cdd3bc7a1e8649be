//! A Pololu Maestro at the other end of a line: its compact protocol, six servos that go where they are told at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use airox_machine::{Machine, Peer};

const CHANNELS: usize = 6;
/// Error bits of the "Maestro Servo Controller User's Guide", section 4.e: a command or channel that there is not.
const PROTOCOL_ERROR: u16 = 1 << 4;

/// A controller that is plugged in.
pub struct Controller {
    targets: Arc<Mutex<[u16; CHANNELS]>>,
    #[expect(dead_code, reason = "plugged in as long as it lives")]
    peer: Peer,
}

#[derive(Default)]
struct State {
    command: Vec<u8>,
    errors: u16,
}

impl State {
    /// Takes a byte; what the controller answers.
    fn take(&mut self, byte: u8, targets: &mut [u16; CHANNELS]) -> Vec<u8> {
        if byte & 0x80 != 0 {
            self.command.clear();
        }
        self.command.push(byte);
        let (answer, done) = match self.command[..] {
            [0x84, channel, low, high] => {
                match targets.get_mut(usize::from(channel)) {
                    Some(target) => *target = u16::from(high) << 7 | u16::from(low),
                    None => self.errors |= PROTOCOL_ERROR,
                }
                (Vec::new(), true)
            }
            [0x90, channel] => (targets.get(usize::from(channel)).copied().unwrap_or(0).to_le_bytes().to_vec(), true),
            [0xa1] => (std::mem::take(&mut self.errors).to_le_bytes().to_vec(), true),
            [0x84 | 0x90, ..] => (Vec::new(), false),
            _ => {
                self.errors |= PROTOCOL_ERROR;
                (Vec::new(), true)
            }
        };
        if done {
            self.command.clear();
        }
        answer
    }
}

impl Controller {
    /// Plugs it in.
    pub fn plug_in(machine: &Machine) -> Result<Controller, String> {
        let targets = Arc::new(Mutex::new([0; CHANNELS]));
        let (shared, mut state) = (Arc::clone(&targets), State::default());
        let answer = move |bytes: &[u8]| {
            let mut targets = shared.lock().unwrap_or_else(PoisonError::into_inner);
            bytes.iter().flat_map(|byte| state.take(*byte, &mut targets)).collect()
        };
        let peer = Peer::plug_in(machine, "servos.sock", Duration::from_millis(100), answer);
        peer.map(|peer| Controller { targets, peer }).map_err(|error| error.to_string())
    }

    /// The targets of its servos, in quarters of a microsecond; 0: no pulses.
    pub fn targets(&self) -> [u16; CHANNELS] {
        *self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
