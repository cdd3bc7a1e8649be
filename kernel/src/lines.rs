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
    fn default() -> Lines {
        Lines::new()
    }
}

impl Lines {
    /// A machine without overrides.
    #[must_use]
    pub const fn new() -> Lines {
        let mut isa = [None; ISA_LINES as usize];
        let mut line = 0;
        while line < isa.len() {
            isa[line] = Some(Route {
                input: line as u32,
                level: false,
                low: false,
            });
            line += 1;
        }
        Lines { isa }
    }

    /// Takes an interrupt source override in: `flags` are the MADT's (bits 0..2 polarity, 2..4 trigger mode; in each 1 = high or
    /// edge, 3 = low or level, 0 = as the bus has it). Overrides of lines that do not exist are ignored.
    pub fn set_override(&mut self, isa_line: u8, input: u32, flags: u16) {
        let line = usize::from(isa_line);
        if line >= self.isa.len() {
            return;
        }
        self.isa[line] = Some(Route {
            input,
            level: flags >> 2 & 3 == 3,
            low: flags & 3 == 3,
        });
        // The line that would have had this input by its number has none, unless an override of its own tells.
        for (other, route) in self.isa.iter_mut().enumerate() {
            if other != line
                && other == input as usize
                && route.is_some_and(|route| route.input == input)
            {
                *route = None;
            }
        }
    }

    /// Where a line arrives; `None` if there is no such line.
    #[must_use]
    pub fn route(&self, line: u32) -> Option<Route> {
        match self.isa.get(line as usize) {
            Some(route) => *route,
            None => Some(Route {
                input: line,
                level: true,
                low: true,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn route(input: u32, level: bool, low: bool) -> Option<Route> {
        Some(Route { input, level, low })
    }

    #[test]
    fn isa_lines_are_edge_triggered_and_pci_lines_level_triggered() {
        let lines = Lines::new();
        assert_eq!(lines.route(4), route(4, false, false));
        assert_eq!(lines.route(20), route(20, true, true));
    }

    #[test]
    fn overrides_move_a_line_and_change_how_it_signals() {
        let mut lines = Lines::new();
        lines.set_override(0, 2, 0);
        lines.set_override(9, 9, 0b1101);
        lines.set_override(5, 5, 0b1111);
        lines.set_override(200, 1, 0);
        assert_eq!(lines.route(0), route(2, false, false));
        assert_eq!(lines.route(9), route(9, true, false));
        assert_eq!(lines.route(5), route(5, true, true));
    }

    #[test]
    fn no_two_lines_share_an_input() {
        let mut lines = Lines::new();
        lines.set_override(0, 2, 0);
        assert_eq!(lines.route(2), None);
        lines.set_override(2, 0, 0);
        assert_eq!(lines.route(2), route(0, false, false));
        assert_eq!(lines.route(0), route(2, false, false));
    }
}
