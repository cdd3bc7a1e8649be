//! The SMBus of the chip set: memory modules' EEPROMs, and a monitor's identification behind it. The system is `sensors.toml`.

use airox_machine::{Context, Machine, Scenario};

use crate::play::{Outcome, boot, check, play_on, until};
use crate::scenario;

pub const SCENARIOS: &[Scenario] =
    &[scenario("i2c.memory_modules_and_a_monitor_are_read", memory_modules_and_a_monitor)];

const BUS: &str = "/dev/i2c/bus0";

fn memory_modules_and_a_monitor(context: &Context) -> Outcome {
    let mut options = context.options();
    options.extra.extend(["-device".into(), "i2c-ddc,address=0x40".into()]);
    play_on(&mut boot(Machine::start(&options))?, |player| {
        until(player, "i2c list", &["/dev/i2c/bus0", "running", "ICH9 SMBus"])?;
        let found = player.enter(&format!("i2c scan {BUS}"))?;
        check(found.contains("40 50 51 52 53 54 55 56 57"), || format!("found is:\n{found}"))?;
        // QEMU's EEPROMs are empty, but all of them is read.
        let module = player.enter(&format!("i2c read {BUS} 57 0 256"))?;
        check(module.lines().filter(|line| line.contains("00 00 00 00")).count() == 16, || {
            format!("read is:\n{module}")
        })?;
        monitor(&player.enter(&format!("i2c read {BUS} 40 0 128"))?)?;
        player.expect(&format!("i2c read {BUS} 41"), &["no device acknowledges"])?;
        let before = player.process("ich9-smbus0")?;
        player.enter("kill ich9-smbus0")?;
        player.expect(&format!("i2c read {BUS} 40 0 8"), &["00 ff ff ff ff ff ff 00"])?;
        let after = player.process("ich9-smbus0")?;
        check(after.restarts == before.restarts + 1, || format!("{before:?} became {after:?}"))
    })
}

/// Checks an identification as VESA's EDID standard says: it begins with a pattern, and its bytes add up to nothing.
fn monitor(dump: &str) -> Outcome {
    let rows = dump.lines().filter_map(|line| line.split("  ").nth(1));
    let bytes: Vec<u8> =
        rows.flat_map(str::split_whitespace).filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    let sum = bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
    let begins = bytes.starts_with(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
    check(bytes.len() == 128 && begins && sum == 0, || format!("{} bytes, their sum is {sum}:\n{dump}", bytes.len()))
}
