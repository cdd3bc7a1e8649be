//! Two boards with CAN controllers on one bus: frames from each to the others, drivers killed, a flood. The system is `sensors.toml`.
//!
//! QEMU's controllers never make an error on the bus and never go off it; what then happens is tested against models, in `drivers/kvaser-can`,
//! `drivers/ctu-can` and `drivers/can-server`.

use airox_machine::{Context, Machine, Scenario};

use crate::play::{Outcome, Player, boot, check, play_on, until};
use crate::scenario;
use crate::tables::times;

pub const SCENARIOS: &[Scenario] = &[
    scenario("can.two_boards_exchange_frames", two_boards_exchange_frames),
    scenario("can.killed_drivers_return_to_the_bus", killed_drivers_return_to_the_bus),
];

/// A machine with an SJA1000 and two CTU CAN FD cores on one bus.
fn on_one_bus(context: &Context, play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    let mut options = context.options();
    for (kind, value) in [
        ("-object", "can-bus,id=bus0"),
        ("-device", "kvaser_pci,canbus=bus0"),
        ("-device", "ctucan_pci,canbus0=bus0,canbus1=bus0"),
    ] {
        options.extra.extend([kind.into(), value.into()]);
    }
    play_on(&mut boot(Machine::start(&options))?, |player| {
        until(player, "can list", &["1 x SJA1000, 500 kbit/s", "2 x CTU CAN FD, 500 kbit/s"])?;
        play(player)
    })
}

/// The bus's numbers are as PCI is walked: of the SJA1000, and the first core.
const SJA1000: &str = "/dev/can/bus0";
const CORE_0: &str = "/dev/can/bus1/0";
const CORE_1: &str = "/dev/can/bus1/1";

fn two_boards_exchange_frames(context: &Context) -> Outcome {
    on_one_bus(context, |player| {
        let frames = "123#0a0b 1abcdef0#1122334455667788 7ff#";
        let wanted = ["123#0A0B", "1ABCDEF0#1122334455667788", "7FF#"];
        for (from, others) in [(SJA1000, [CORE_0, CORE_1]), (CORE_0, [SJA1000, CORE_1]), (CORE_1, [SJA1000, CORE_0])] {
            player.expect_exactly(&format!("can send {from} {frames}"), "")?;
            for other in others {
                player.expect(&format!("can show {other} 3"), &wanted)?;
            }
        }
        // Nobody hears itself; a request for data is a frame as well.
        player.enter(&format!("can send {CORE_0} 321#R8"))?;
        player.expect(&format!("can show {CORE_1} 1"), &["321#R8"])?;
        let flood = "100#0102030405060708 ".repeat(40);
        for _ in 0..5 {
            player.expect_exactly(&format!("can send {SJA1000} {flood}"), "")?;
        }
        for (bus, sent, received) in [(SJA1000, 203, 7), (CORE_0, 4, 206), (CORE_1, 3, 207)] {
            let status = player.expect(&format!("can status {bus}"), &["500000", "active"])?;
            for (what, count) in [("frames sent", sent), ("frames received", received), ("overruns", 0)] {
                let found = times(&status, what)?;
                check(found == count, || format!("{bus}: {what}: {found}, not {count}"))?;
            }
        }
        player.expect(&format!("can send {CORE_1}0 1#"), &["no such part"])?;
        player.machine.type_text(&format!("can watch {SJA1000}\n")).map_err(|error| error.to_string())?;
        player.keys(b"\x03")?;
        player.wait_for_prompt().map(drop)
    })
}

fn killed_drivers_return_to_the_bus(context: &Context) -> Outcome {
    on_one_bus(context, |player| {
        for (driver, killed, other) in [("kvaser-can0", SJA1000, CORE_0), ("ctu-can1", CORE_1, SJA1000)] {
            let before = player.process(driver)?;
            player.enter(&format!("kill {driver}"))?;
            // Answered by the new one, which is on the bus by then.
            player.expect(&format!("can status {killed}"), &["active"])?;
            player.expect_exactly(&format!("can send {other} 7#07"), "")?;
            until(player, &format!("can show {killed}"), &["007#07"])?;
            player.expect_exactly(&format!("can send {killed} 8#08"), "")?;
            player.expect(&format!("can show {other} 1"), &["008#08"])?;
            let after = player.process(driver)?;
            check(after.restarts == before.restarts + 1, || format!("{before:?} became {after:?}"))?;
        }
        Ok(())
    })
}
