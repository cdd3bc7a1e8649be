//! Writing the registers.

use crate::registers::{CHIPSET_RESET_PORT, PowerRegisters};
use airox_driver_traits::PortIo;

/// `PM1_CNT`: the hardware is in ACPI mode.
const SCI_ENABLED: u16 = 1 << 0;
/// `PM1_CNT`: `SLP_TYP`, three bits.
const SLEEP_TYPE_SHIFT: u16 = 10;
const SLEEP_TYPE_MASK: u16 = 0b111 << SLEEP_TYPE_SHIFT;
/// `PM1_CNT`: enter the sleep state.
const SLEEP_ENABLE: u16 = 1 << 13;
/// How often `PM1_CNT` is read while firmware switches to ACPI mode; at about a microsecond a read, 300 ms. Linux allows
/// 3 s, but a machine that took its time here has always been in ACPI mode long before somebody turns it off.
const ENABLE_READS: u32 = 300_000;

/// The power hardware.
pub struct PowerControl<P> {
    ports: P,
    registers: PowerRegisters,
}

/// One write that may restart the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetStep {
    /// For the log.
    pub name: &'static str,
    /// Port to write to.
    pub port: u16,
    /// Byte to write.
    pub value: u8,
}

/// The keyboard controller's command port, whose reset pulse every PC since the AT knows.
const KEYBOARD_COMMAND_PORT: u16 = 0x64;

impl<P: PortIo> PowerControl<P> {
    /// Power hardware behind these ports.
    pub const fn new(ports: P, registers: PowerRegisters) -> PowerControl<P> {
        PowerControl { ports, registers }
    }

    /// Enters S5. On a machine that obeys, this returns a moment before power is gone, or never.
    pub fn off(&mut self) {
        self.enable_acpi_mode();
        let (type_a, type_b) = self.registers.sleep_type;
        let a = (self.registers.pm1a_control, type_a);
        let b = self.registers.pm1b_control.map(|port| (port, type_b));
        // ACPI 6.5, 16.1.7: the type goes to both registers first, then the type with SLP_EN.
        let both = || core::iter::once(a).chain(b);
        for enable in [0, SLEEP_ENABLE] {
            for (port, sleep_type) in both() {
                let kept = self.ports.read_u16(port) & !(SLEEP_TYPE_MASK | SLEEP_ENABLE);
                let value = kept | u16::from(sleep_type) << SLEEP_TYPE_SHIFT | enable;
                self.ports.write_u16(port, value);
            }
        }
    }

    /// The ways to restart a machine, best first. The ports of some may not be the caller's to use.
    pub fn reset_steps(registers: &PowerRegisters) -> impl Iterator<Item = ResetStep> + use<P> {
        let reset = registers.reset.map(|reset| ResetStep {
            name: "ACPI reset register",
            port: reset.port,
            value: reset.value,
        });
        [
            reset,
            // Reset control: first choose a hard reset, then trigger it.
            Some(ResetStep { name: "chipset reset, armed", port: CHIPSET_RESET_PORT, value: 0x02 }),
            Some(ResetStep { name: "chipset reset", port: CHIPSET_RESET_PORT, value: 0x06 }),
            Some(ResetStep { name: "keyboard controller reset", port: KEYBOARD_COMMAND_PORT, value: 0xfe }),
        ]
        .into_iter()
        .flatten()
    }

    /// Takes one step of [`Self::reset_steps`].
    pub fn take_step(&mut self, step: ResetStep) {
        self.ports.write_u8(step.port, step.value);
    }

    /// Makes firmware hand over the power registers, if it has not.
    fn enable_acpi_mode(&mut self) {
        let control = self.registers.pm1a_control;
        let Some(smi) = self.registers.smi else {
            return;
        };
        if self.ports.read_u16(control) & SCI_ENABLED != 0 {
            return;
        }
        self.ports.write_u8(smi.port, smi.enable);
        for _ in 0..ENABLE_READS {
            if self.ports.read_u16(control) & SCI_ENABLED != 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::registers::{ResetRegister, SmiCommand};
    use std::vec::Vec;

    /// A chipset that remembers what was written and, if told, switches to ACPI mode.
    #[derive(Default)]
    struct Chipset {
        pm1: [u16; 2],
        writes: Vec<(u16, u16)>,
        obeys_smi: bool,
    }

    impl PortIo for Chipset {
        fn read_u8(&mut self, _port: u16) -> u8 {
            panic!("no byte register is read")
        }

        fn write_u8(&mut self, port: u16, value: u8) {
            self.writes.push((port, value.into()));
            if port == 0xb2 && value == 0xf1 && self.obeys_smi {
                self.pm1[0] |= SCI_ENABLED;
            }
        }

        fn read_u16(&mut self, port: u16) -> u16 {
            self.pm1[usize::from(port == 0x704)]
        }

        fn write_u16(&mut self, port: u16, value: u16) {
            self.writes.push((port, value));
            self.pm1[usize::from(port == 0x704)] = value;
        }
    }

    fn registers() -> PowerRegisters {
        PowerRegisters {
            pm1a_control: 0x604,
            pm1b_control: Some(0x704),
            sleep_type: (5, 3),
            smi: Some(SmiCommand { port: 0xb2, enable: 0xf1 }),
            reset: Some(ResetRegister { port: 0xcf9, value: 6 }),
        }
    }

    #[test]
    fn off_enables_acpi_mode_then_writes_type_then_enable() {
        let mut chipset = Chipset { obeys_smi: true, pm1: [SLEEP_TYPE_MASK | 0x40, 0], ..Chipset::default() };
        PowerControl::new(&mut chipset, registers()).off();
        assert_eq!(
            chipset.writes,
            [
                (0xb2, 0xf1),
                (0x604, 5 << 10 | 0x41),
                (0x704, 3 << 10),
                (0x604, 5 << 10 | 0x41 | SLEEP_ENABLE),
                (0x704, 3 << 10 | SLEEP_ENABLE),
            ]
        );
    }

    #[test]
    fn off_goes_on_when_firmware_ignores_the_switch() {
        let mut chipset = Chipset::default();
        let registers = PowerRegisters { pm1b_control: None, ..registers() };
        PowerControl::new(&mut chipset, registers).off();
        let expected = [(0xb2, 0xf1), (0x604, 5 << 10), (0x604, 5 << 10 | SLEEP_ENABLE)];
        assert_eq!(chipset.writes, expected);
    }

    #[test]
    fn reset_takes_the_documented_steps_in_order() {
        let mut chipset = Chipset::default();
        let mut control = PowerControl::new(&mut chipset, registers());
        for step in PowerControl::<Chipset>::reset_steps(&registers()) {
            control.take_step(step);
        }
        let expected = [(0xcf9, 6), (0xcf9, 2), (0xcf9, 6), (0x64, 0xfe)];
        assert_eq!(chipset.writes, expected);
    }
}
