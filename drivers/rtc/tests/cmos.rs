//! The clock on a register model of the chip.

use airox_driver_traits::PortIo;
use airox_rtc::{Cmos, RtcError};
use proptest::prelude::*;

#[derive(Clone)]
struct Chip {
    registers: [u8; 128],
    index: u8,
    /// Status A reads that find an update in progress.
    updating: u32,
    /// Reads until the seconds jump, as if an update came between, and how many times they do.
    jump_after: u32,
    jumps: u32,
    writes: Vec<(u8, u8)>,
}

impl Chip {
    fn new(seconds: u8, minutes: u8, hours: u8, day: u8, month: u8, year: u8, format: u8) -> Chip {
        let mut registers = [0; 128];
        for (register, value) in [(0, seconds), (2, minutes), (4, hours), (7, day), (8, month), (9, year), (11, format)]
        {
            registers[register] = value;
        }
        Chip { registers, index: 0, updating: 0, jump_after: 0, jumps: 0, writes: Vec::new() }
    }

    fn read(&self) -> Result<u64, RtcError> {
        Cmos::new(self.clone()).read()
    }
}

impl PortIo for Chip {
    fn read_u8(&mut self, port: u16) -> u8 {
        assert_eq!(port, 0x71);
        if self.index == 10 && self.updating > 0 {
            self.updating -= 1;
            return 0x80;
        }
        if self.jump_after > 0 {
            self.jump_after -= 1;
        } else if self.jumps > 0 {
            self.jumps -= 1;
            self.registers[0] = (self.registers[0] + 1) % 60;
        }
        self.registers[usize::from(self.index)]
    }

    fn write_u8(&mut self, port: u16, value: u8) {
        match port {
            0x70 => {
                assert!(value < 128, "NMIs stay on");
                self.index = value;
            }
            0x71 => {
                self.writes.push((self.index, value));
                self.registers[usize::from(self.index)] = value;
            }
            _ => panic!("the driver touched port {port:#x}"),
        }
    }

    fn read_u16(&mut self, _port: u16) -> u16 {
        panic!("the chip has no 16-bit registers")
    }

    fn write_u16(&mut self, _port: u16, _value: u16) {
        panic!("the chip has no 16-bit registers")
    }
}

const BINARY_24: u8 = 0x06;
const BCD_24: u8 = 0x02;
const BINARY_12: u8 = 0x04;
const BCD_12: u8 = 0x00;

/// 2024-02-29 23:59:58 UTC.
const LEAP_EVENING: u64 = 1_709_251_198;

#[test]
fn every_format_is_read() {
    for chip in [
        Chip::new(58, 59, 23, 29, 2, 24, BINARY_24),
        Chip::new(0x58, 0x59, 0x23, 0x29, 0x02, 0x24, BCD_24),
        Chip::new(58, 59, 11 | 0x80, 29, 2, 24, BINARY_12),
        Chip::new(0x58, 0x59, 0x11 | 0x80, 0x29, 0x02, 0x24, BCD_12),
    ] {
        assert_eq!(chip.read(), Ok(LEAP_EVENING));
    }
}

#[test]
fn midnight_and_noon_in_12_hours() {
    let midnight = Chip::new(0, 0, 0x12, 1, 1, 0, BCD_12);
    let noon = Chip::new(0, 0, 0x92, 1, 1, 0, BCD_12);
    assert_eq!(midnight.read(), Ok(946_684_800));
    assert_eq!(noon.read(), Ok(946_684_800 + 12 * 3600));
}

#[test]
fn waits_for_updates_and_reads_again_when_one_came_between() {
    let mut chip = Chip::new(58, 59, 23, 29, 2, 24, BINARY_24);
    chip.updating = 1000;
    assert_eq!(chip.read(), Ok(LEAP_EVENING));
    chip.updating = u32::MAX;
    assert_eq!(chip.read(), Err(RtcError::NeverReady));
    chip.updating = 0;
    chip.jump_after = 5;
    chip.jumps = 1;
    assert_eq!(chip.read(), Ok(LEAP_EVENING + 1));
    chip.jumps = 1000;
    assert_eq!(chip.read(), Err(RtcError::Unstable));
}

#[test]
fn times_that_do_not_exist_are_errors() {
    for (chip, expected) in [
        (Chip::new(0, 0, 0, 30, 2, 24, BINARY_24), RtcError::NoSuchTime),
        (Chip::new(0, 0, 0, 29, 2, 23, BINARY_24), RtcError::NoSuchTime),
        (Chip::new(0, 0, 24, 1, 1, 24, BINARY_24), RtcError::NoSuchTime),
        (Chip::new(60, 0, 0, 1, 1, 24, BINARY_24), RtcError::NoSuchTime),
        (Chip::new(0, 0, 0, 1, 1, 100, BINARY_24), RtcError::NoSuchTime),
        (Chip::new(0, 0, 0, 1, 13, 24, BINARY_24), RtcError::NoSuchTime),
        (Chip::new(0, 0, 0, 0, 0, 0, BINARY_24), RtcError::NoSuchTime),
        (Chip::new(0, 0, 0x80, 1, 1, 24, BINARY_12), RtcError::NoSuchTime),
        (Chip::new(0, 0, 13, 1, 1, 24, BINARY_12), RtcError::NoSuchTime),
        (Chip::new(0x5a, 0, 0, 1, 1, 0x24, BCD_24), RtcError::BadRegister { register: 0, value: 0x5a }),
        (Chip::new(0, 0, 0, 1, 1, 0xf0, BCD_24), RtcError::BadRegister { register: 9, value: 0xf0 }),
    ] {
        assert_eq!(chip.read(), Err(expected));
    }
    // A bus without the chip.
    let mut nothing = Chip::new(0, 0, 0, 0, 0, 0, 0);
    nothing.registers = [0xff; 128];
    assert_eq!(nothing.read(), Err(RtcError::NeverReady));
}

#[test]
fn setting_stops_the_clock_and_starts_it_again() {
    let mut chip = Chip::new(0, 0, 0, 1, 1, 0, BCD_12 | 0x80);
    let set = Cmos::new(&mut chip).set(LEAP_EVENING);
    assert_eq!(set, Ok(()));
    assert_eq!(chip.writes.first(), Some(&(11, 0x80)));
    assert_eq!(chip.writes.last(), Some(&(11, 0x00)));
    // 2024-02-29 was a Thursday: day 5.
    assert!(chip.writes.contains(&(6, 5)));
    assert_eq!(chip.read(), Ok(LEAP_EVENING));
}

#[test]
fn what_the_chip_cannot_hold_is_not_written() {
    for seconds in [0, 946_684_799, 4_102_444_800, u64::MAX] {
        let mut chip = Chip::new(0, 0, 0, 1, 1, 0, BINARY_24);
        let set = Cmos::new(&mut chip).set(seconds);
        assert_eq!(set, Err(RtcError::OutOfRange));
        assert!(chip.writes.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn set_then_read_round_trips(seconds in 946_684_800..4_102_444_800u64, format in prop::sample::select(vec![BINARY_24, BCD_24, BINARY_12, BCD_12])) {
        let mut chip = Chip::new(0, 0, 0, 1, 1, 0, format);
        prop_assert_eq!(Cmos::new(&mut chip).set(seconds), Ok(()));
        prop_assert_eq!(chip.read(), Ok(seconds));
    }

    #[test]
    fn any_registers_give_a_time_in_range_or_an_error(registers in prop::collection::vec(any::<u8>(), 12)) {
        let mut chip = Chip::new(0, 0, 0, 0, 0, 0, 0);
        chip.registers[..12].copy_from_slice(&registers);
        if let Ok(seconds) = chip.read() {
            prop_assert!((946_684_800..4_102_444_800).contains(&seconds));
        }
    }
}
