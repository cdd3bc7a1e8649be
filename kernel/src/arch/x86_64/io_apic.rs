//! The I/O APICs: interrupt lines of devices.

use super::firmware::Firmware;
use super::paging::Tables;
use airox_abi::layout::{LINE_VECTOR, MESSAGE_LINES};
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
            Controller { apic, first, inputs }
        });
        InterruptLines { controllers: controllers.collect(), lines: firmware.lines.clone(), destination }
    }

    /// The I/O APIC, its input and the route of a line that exists.
    fn find(&self, line: u32) -> Option<(usize, u8, Route)> {
        let route = self.lines.route(line).filter(|_| line < MESSAGE_LINES.start)?;
        let receives = |it: &Controller| (it.first..it.first + it.inputs).contains(&route.input);
        let index = self.controllers.iter().position(receives)?;
        let input = route.input - self.controllers[index].first;
        Some((index, input as u8, route))
    }

    /// Where a device writes the number of a vector to interrupt. Intel SDM vol. 3, 11.11.1.
    pub fn message_address(&self) -> u64 {
        0xfee0_0000 | u64::from(self.destination) << 12
    }

    /// Whether the machine has the line.
    pub fn exists(&self, line: u32) -> bool {
        self.find(line).is_some() || MESSAGE_LINES.contains(&line)
    }

    /// Routes the line to its vector and unmasks it. Returns whether it is level-triggered.
    pub fn enable(&mut self, line: u32) -> bool {
        let Some((index, input, route)) = self.find(line) else {
            return false;
        };
        let mut flags = IrqFlags::empty();
        flags.set(IrqFlags::LEVEL_TRIGGERED, route.level);
        flags.set(IrqFlags::LOW_ACTIVE, route.low);
        let mut entry = RedirectionTableEntry::default();
        entry.set_vector(LINE_VECTOR + line as u8);
        entry.set_mode(IrqMode::Fixed);
        entry.set_flags(flags);
        entry.set_dest(self.destination);
        // SAFETY: the vector has a handler, which expects the line from now on.
        unsafe { self.controllers[index].apic.set_table_entry(input, entry) };
        route.level
    }

    /// Lets a line interrupt, or not.
    pub fn set_masked(&mut self, line: u32, masked: bool) {
        if let Some((index, input, _)) = self.find(line) {
            let set = if masked { IoApic::disable_irq } else { IoApic::enable_irq };
            // SAFETY: the line has been enabled before, so its vector is set; a masked one does nothing.
            unsafe { set(&mut self.controllers[index].apic, input) };
        }
    }
}
