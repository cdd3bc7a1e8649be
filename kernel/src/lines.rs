//! How interrupt lines are routed to I/O APIC inputs.
//!
//! A line below 16 is an ISA interrupt: edge-triggered, active high, on the input of the same number, unless the MADT has an
//! interrupt source override for it (ACPI 6.5, 5.2.12.5). A line from 16 on is a global system interrupt as PCI uses them:
//! level-triggered, active low.

/// How many ISA lines there are.
pub const ISA_LINES: u32 = 16;

/// Where a line arrives and how it signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Global system interrupt: the number of the I/O APIC input, counted over all I/O APICs.
    pub input: u32,
    /// Level-triggered, else edge-triggered.
    pub level: bool,
    /// Active low, else active high.
    pub low: bool,
}

/// The machine's routes.
#[derive(Clone, Debug)]
pub struct Lines {
    /// `None` where another line has the input of that number.
    isa: [Option<Route>; ISA_LINES as usize],
}

impl Default for Lines {
    /// A machine without overrides.
    fn default() -> Lines {
        Lines { isa: core::array::from_fn(|line| Some(Route { input: line as u32, level: false, low: false })) }
    }
}

impl Lines {
    /// Takes an interrupt source override in: `flags` are the MADT's (bits 0..2 polarity, 2..4 trigger mode; in each 1 = high or
    /// edge, 3 = low or level, 0 = as the bus has it). Overrides of lines that do not exist are ignored.
    pub fn set_override(&mut self, isa_line: u8, input: u32, flags: u16) {
        let line = usize::from(isa_line);
        if line >= self.isa.len() {
            return;
        }
        // The line that would have had this input by its number has none, unless an override of its own tells.
        if let Some(other) =
            self.isa.get_mut(input as usize).filter(|other| other.is_some_and(|route| route.input == input))
        {
            *other = None;
        }
        self.isa[line] = Some(Route { input, level: flags >> 2 & 3 == 3, low: flags & 3 == 3 });
    }

    /// Where a line arrives; `None` if there is no such line.
    #[must_use]
    pub fn route(&self, line: u32) -> Option<Route> {
        match self.isa.get(line as usize) {
            Some(route) => *route,
            None => Some(Route { input: line, level: true, low: true }),
        }
    }
}

#[cfg(test)]
#[path = "tests/lines.rs"]
mod tests;
