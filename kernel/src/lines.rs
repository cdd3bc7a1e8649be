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
    isa: [Route; ISA_LINES as usize],
}

impl Default for Lines {
    fn default() -> Lines {
        Lines::new()
    }
}

impl Lines {
    /// A machine without overrides.
    #[must_use]
    pub const fn new() -> Lines {
        let mut isa = [Route {
            input: 0,
            level: false,
            low: false,
        }; ISA_LINES as usize];
        let mut line = 0;
        while line < isa.len() {
            isa[line].input = line as u32;
            line += 1;
        }
        Lines { isa }
    }

    /// Takes an interrupt source override in: `flags` are the MADT's (bits 0..2 polarity, 2..4 trigger mode; in each 1 = high or
    /// edge, 3 = low or level, 0 = as the bus has it). Overrides of lines that do not exist are ignored.
    pub fn set_override(&mut self, isa_line: u8, input: u32, flags: u16) {
        if let Some(route) = self.isa.get_mut(usize::from(isa_line)) {
            *route = Route {
                input,
                level: flags >> 2 & 3 == 3,
                low: flags & 3 == 3,
            };
        }
    }

    /// Where a line arrives.
    #[must_use]
    pub fn route(&self, line: u32) -> Route {
        match self.isa.get(line as usize) {
            Some(route) => *route,
            None => Route {
                input: line,
                level: true,
                low: true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isa_lines_are_edge_triggered_and_pci_lines_level_triggered() {
        let lines = Lines::new();
        assert_eq!(
            lines.route(4),
            Route {
                input: 4,
                level: false,
                low: false
            }
        );
        assert_eq!(
            lines.route(20),
            Route {
                input: 20,
                level: true,
                low: true
            }
        );
    }

    #[test]
    fn overrides_move_a_line_and_change_how_it_signals() {
        let mut lines = Lines::new();
        lines.set_override(0, 2, 0);
        lines.set_override(9, 9, 0b1101);
        lines.set_override(5, 5, 0b1111);
        lines.set_override(200, 1, 0);
        assert_eq!(
            lines.route(0),
            Route {
                input: 2,
                level: false,
                low: false
            }
        );
        assert_eq!(
            lines.route(9),
            Route {
                input: 9,
                level: true,
                low: false
            }
        );
        assert_eq!(
            lines.route(5),
            Route {
                input: 5,
                level: true,
                low: true
            }
        );
    }
}
