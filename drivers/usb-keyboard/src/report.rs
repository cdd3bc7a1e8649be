//! From reports to keys that go down and up.

use airox_api::input::KeyEvent;
use airox_input_server::Repeat;
use alloc::vec::Vec;

/// Bytes of a report.
pub const REPORT: usize = 8;
/// The usage of the first modifier, left control; the others follow in the order of the bits.
const MODIFIERS: u8 = 0xe0;
/// Usages below say that too many keys are down, or that the keyboard failed (HID Usage Tables, page 7).
const FIRST_KEY: u8 = 4;
/// The first place of a key in a report.
const KEYS: usize = 2;

/// What is down.
#[derive(Debug, Default)]
pub struct Keys {
    modifiers: u8,
    down: [u8; REPORT - KEYS],
    repeat: Repeat,
}

impl Keys {
    /// A report came; `now` is in nanoseconds since boot. Returns what changed, releases first.
    pub fn report(&mut self, report: &[u8; REPORT], now: u64) -> Vec<KeyEvent> {
        let [modifiers, _, down @ ..] = *report;
        // With too many keys down it names none: what was down still is, as far as anybody knows.
        let named = down.iter().all(|usage| *usage == 0 || *usage >= FIRST_KEY);
        let after = if named { down } else { self.down };
        let mut events = Vec::new();
        let mut tell = |usage, pressed| events.push(KeyEvent { usage, pressed });
        let changes = |from: &[u8], to: &[u8]| {
            let gone = from.iter().copied().filter(|usage| *usage != 0 && !to.contains(usage));
            gone.collect::<Vec<u8>>()
        };
        let bits = |from: u8, to: u8| (0..8).filter(move |bit| from & !to & 1 << bit != 0);
        changes(&self.down, &after).into_iter().for_each(|usage| tell(usage, false));
        bits(self.modifiers, modifiers).for_each(|bit| tell(MODIFIERS + bit, false));
        bits(modifiers, self.modifiers).for_each(|bit| tell(MODIFIERS + bit, true));
        let pressed = changes(&after, &self.down);
        pressed.iter().for_each(|usage| tell(*usage, true));
        if let Some(last) = pressed.last() {
            self.repeat.pressed(*last, now);
        } else {
            self.repeat.keep(|usage| after.contains(&usage));
        }
        (self.modifiers, self.down) = (modifiers, after);
        events
    }

    /// When the key that is held repeats next.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.repeat.deadline()
    }

    /// Time passed: the key that is held may repeat. Repetitions that were missed are not made up for.
    pub fn passed(&mut self, now: u64) -> Option<KeyEvent> {
        self.repeat.passed(now)
    }

    /// The keyboard has been lost: nothing is down any more.
    pub fn release_all(&mut self, now: u64) -> Vec<KeyEvent> {
        self.report(&[0; REPORT], now)
    }
}
