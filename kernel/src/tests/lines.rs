//! Tests of [`super`].

use super::*;

const fn route(input: u32, level: bool, low: bool) -> Option<Route> {
    Some(Route { input, level, low })
}

#[test]
fn isa_lines_are_edge_triggered_and_pci_lines_level_triggered() {
    let lines = Lines::default();
    assert_eq!(lines.route(4), route(4, false, false));
    assert_eq!(lines.route(20), route(20, true, true));
}

#[test]
fn overrides_move_a_line_and_change_how_it_signals() {
    let mut lines = Lines::default();
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
    let mut lines = Lines::default();
    lines.set_override(0, 2, 0);
    assert_eq!(lines.route(2), None);
    lines.set_override(2, 0, 0);
    assert_eq!(lines.route(2), route(0, false, false));
    assert_eq!(lines.route(0), route(2, false, false));
}
