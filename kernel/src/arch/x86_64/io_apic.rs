//! The I/O APICs: interrupt lines of devices.

use super::firmware::Firmware;
use super::local_apic::{FIRST_LINE, LINES};
use super::paging::Tables;
use airox_kernel::lines::{Lines, Route};
use alloc::vec::Vec;
use x2apic::ioapic::{IoApic, IrqFlags, IrqMode, RedirectionTableEntry};

/// One I/O APIC and the global system interrupts it receives.
struct Controller {
    apic: IoApic,
    first: u32,
    inputs: u32,
}

/// All interrupt lines of the machine.
pub struct InterruptLines {
    controllers: Vec<Controller>,
    lines: Lines,
    destination: u8,
}

impl InterruptLines {
    /// Maps all I/O APICs and masks all their inputs. Interrupts will go to the local APIC `destination`.
    pub fn new(firmware: &Firmware, tables: &mut Tables, destination: u8) -> InterruptLines {
        let controllers = firmware.io_apics.iter().map(|&(address, first)| {
            // SAFETY: 1. The MADT says an I/O APIC is there; the mapping is uncached and permanent. 2. The kernel alone uses it.
            let mut apic = unsafe { IoApic::new(tables.device(address)) };
            // SAFETY: reading the version changes nothing.
            let inputs = u32::from(unsafe { apic.max_table_entry() }) + 1;
            for input in 0..inputs {
                // SAFETY: a masked input does nothing.
                unsafe { apic.disable_irq(input as u8) };
            }
            Controller {
                apic,
                first,
                inputs,
            }
        });
        InterruptLines {
            controllers: controllers.collect(),
            lines: firmware.lines.clone(),
            destination,
        }
    }

    fn find(&mut self, line: u32) -> Option<(&mut IoApic, u8, Route)> {
        let route = self.lines.route(line);
        let controller = self.controllers.iter_mut().find(|controller| {
            (controller.first..controller.first + controller.inputs).contains(&route.input)
        })?;
        let input = (route.input - controller.first) as u8;
        (line < LINES).then_some((&mut controller.apic, input, route))
    }

    /// Whether the machine has the line.
    pub fn exists(&self, line: u32) -> bool {
        let input = self.lines.route(line).input;
        line < LINES
            && self.controllers.iter().any(|controller| {
                (controller.first..controller.first + controller.inputs).contains(&input)
            })
    }

    /// Routes the line to its vector and unmasks it. Returns whether it is level-triggered.
    pub fn enable(&mut self, line: u32) -> bool {
        let destination = self.destination;
        let Some((apic, input, route)) = self.find(line) else {
            return false;
        };
        let mut flags = IrqFlags::empty();
        flags.set(IrqFlags::LEVEL_TRIGGERED, route.level);
        flags.set(IrqFlags::LOW_ACTIVE, route.low);
        let mut entry = RedirectionTableEntry::default();
        entry.set_vector(FIRST_LINE + line as u8);
        entry.set_mode(IrqMode::Fixed);
        entry.set_flags(flags);
        entry.set_dest(destination);
        // SAFETY: the vector has a handler, which expects the line from now on.
        unsafe { apic.set_table_entry(input, entry) };
        route.level
    }

    /// Lets a line interrupt, or not.
    pub fn set_masked(&mut self, line: u32, masked: bool) {
        if let Some((apic, input, _)) = self.find(line) {
            // SAFETY: the line has been enabled before, so its vector is set; a masked one does nothing.
            unsafe {
                if masked {
                    apic.disable_irq(input);
                } else {
                    apic.enable_irq(input);
                }
            }
        }
    }
}
