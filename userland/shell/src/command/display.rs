//! `display`.

use super::device::list_class;
use super::{Command, usage};
use crate::complete::Argument;
use crate::services::Size;
use crate::shell::{Done, Shell};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Where displays are.
const CLASS: &str = "/dev/display/";

/// Red, green and blue of a place: column and row.
type TestPicture = fn(Size, u32, u32) -> [u8; 3];

pub const COMMANDS: &[Command] = &[Command {
    name: "display",
    usage: "[list]  |  test DISPLAY bars|slope|grid",
    summary: "show test pictures on displays",
    details: "list  the displays\n\
              test  shows bars of eight colours, a slope of colours, or a grid of lines, eight pixels apart",
    examples: &[("display test /dev/display/display0 bars", "bars of eight colours")],
    arguments: &[Argument::Words(&["list", "test"]), Argument::Free],
    run: display,
    ..Command::PLAIN
}];

fn display(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (path, picture): (_, TestPicture) = match words[..] {
        [] | ["list"] => return list_class(shell, CLASS),
        ["test", path, "bars"] => (path, bars),
        ["test", path, "slope"] => (path, slope),
        ["test", path, "grid"] => (path, grid),
        ["test", _, other] => return usage(format!("`{other}` is no picture")),
        ["list" | "test", ..] => return usage("an argument is missing, or one too many"),
        [verb, ..] => return usage(format!("nothing is known of `{verb}`")),
    };
    let size = shell.services.displays.show(path, &picture)?;
    shell.print(&format!("{} by {} pixels\n", size.width, size.height));
    Ok(())
}

/// White, yellow, cyan, green, magenta, red, blue, black.
fn bars(size: Size, x: u32, _: u32) -> [u8; 3] {
    let bar = u64::from(x) * 8 / u64::from(size.width);
    let colour = |bit: u64| if bar & bit == 0 { 0xff } else { 0 };
    [colour(2), colour(4), colour(1)]
}

/// Red grows to the right, green downwards.
fn slope(size: Size, x: u32, y: u32) -> [u8; 3] {
    let part = |at: u32, side: u32| (u64::from(at) * 256 / u64::from(side)) as u8;
    [part(x, size.width), part(y, size.height), 0x40]
}

fn grid(_: Size, x: u32, y: u32) -> [u8; 3] {
    if x.is_multiple_of(8) || y.is_multiple_of(8) { [0xff; 3] } else { [0; 3] }
}
