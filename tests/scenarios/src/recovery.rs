//! How long drivers and servers are away when they are ended in the middle of a request, a hundred times each, on the instruction clock: an instruction is a
//! nanosecond, so the times say nothing of the computer that runs this, except where its disks and networks have a part in them.
//!
//! The shell's `recovery` measures: from the moment somebody asks for a driver's end until a request that was made after its death has been answered by the next
//! instance. The pause before that is started is part of it, and so is all that a driver does to its device: reset, enumeration.

use airox_machine::{Context, Disk, Machine, Options, Scenario, make_data_disk};

use crate::bars::{LOCKS, held, same};
use crate::play::{Outcome, Player, boot, check, play_on, until};
use crate::scenario;
use crate::sensors::with_lines_on;
use std::time::Duration;

pub const SCENARIOS: &[Scenario] = &[
    scenario("recovery.of_servers", of_servers),
    scenario("recovery.of_disks_and_what_is_on_them", of_disks),
    scenario("recovery.of_a_sata_disk_and_cards", of_a_sata_disk_and_cards),
];

pub const SENSOR_SCENARIOS: &[Scenario] = &[scenario("recovery.of_drivers_of_buses_and_sensors", of_buses_and_sensors)];

/// How often each is ended.
const TIMES: u32 = 100;
/// For a hundred ends.
const LONG: Duration = Duration::from_secs(300);
/// The longest that a driver or server may be away, in milliseconds, and one that resets a disk or reads what is on it anew.
const BAR_MS: f64 = 10.0;
const DISK_BAR_MS: f64 = 50.0;

/// What a machine's times are worth.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    /// Nothing outside has a part in them: the longest counts.
    Exact,
    /// Disks and networks of the computer that runs this do, and so does whatever else it is busy with: the median counts.
    WithComputer,
}

/// Who is ended during which command, and how long it may be away.
type Trial = (&'static str, &'static str, f64);

/// What is only in memory, where times are exact.
fn of_servers(context: &Context) -> Outcome {
    let options = Options { instruction_clock: true, data_disk: None, ..context.options() };
    play_on(&mut boot(Machine::start(&options))?, |player| {
        measure(
            player,
            Times::Exact,
            &[
                ("tmp", "ls /tmp", BAR_MS),
                ("boot", "ls /boot", BAR_MS),
                ("fs", "ls /tmp", BAR_MS),
                ("log", "log level", BAR_MS),
            ],
        )
    })
}

/// The disks are snapshots, so nobody waits for what is below the emulator.
fn of_disks(context: &Context) -> Outcome {
    let mut extra = vec!["-device".into(), "qemu-xhci,id=usb".into()];
    for (name, device) in
        [("data", "virtio-blk-pci"), ("nvme", "nvme,serial=recovery"), ("usb", "usb-storage,bus=usb.0")]
    {
        let file = context.image.with_file_name(format!("recovery-{name}.img"));
        make_data_disk(&file).map_err(|error| error.to_string())?;
        let drive = format!("if=none,id={name}-disk,format=raw,snapshot=on,file={}", file.display());
        extra.extend(["-drive".into(), drive, "-device".into(), format!("{device},drive={name}-disk")]);
    }
    let options = Options { instruction_clock: true, idles: true, data_disk: None, extra, ..context.options() };
    play_on(&mut boot(Machine::start(&options))?, |player| {
        until(player, "devices", &["/dev/block/disk1/scratch", "/dev/block/usb-disk0/scratch"])?;
        player.expect_exactly("write /data/kept text; sync", "")?;
        measure(
            player,
            Times::WithComputer,
            &[
                ("virtio-block0", "disk read /dev/block/disk0/scratch 0", DISK_BAR_MS),
                ("nvme1", "disk read /dev/block/disk1/scratch 0", DISK_BAR_MS),
                ("usb-storage0", "disk read /dev/block/usb-disk0/scratch 0", DISK_BAR_MS),
                ("xhci0", "disk read /dev/block/usb-disk0/scratch 0", DISK_BAR_MS),
                ("data", "cat /data/kept", DISK_BAR_MS),
                ("config", "cat /config/shell/history-lines", BAR_MS),
                ("log-files", "ls /log", BAR_MS),
            ],
        )?;
        player.expect_exactly("cat /data/kept", "text")
    })
}

fn of_a_sata_disk_and_cards(context: &Context) -> Outcome {
    let cards = ["-netdev", "user,id=one", "-device", "virtio-net-pci,netdev=one", "-device", "virtio-rng-pci"];
    let disks = Options { disk: Disk::Virtio, data_disk_kind: Disk::Ahci, ..context.options() };
    let options = Options { instruction_clock: true, idles: true, extra: cards.map(String::from).into(), ..disks };
    play_on(&mut boot(Machine::start(&options))?, |player| {
        measure(
            player,
            Times::WithComputer,
            &[
                ("ahci0", "disk read /dev/block/sata0/scratch 0", DISK_BAR_MS),
                ("virtio-random0", "random 16", BAR_MS),
                ("virtio-net0", "network arp net0 10.0.2.15 10.0.2.2", BAR_MS),
            ],
        )
    })
}

fn of_buses_and_sensors(context: &Context) -> Outcome {
    let mut options = Options { instruction_clock: true, ..context.options() };
    for (kind, value) in [
        ("-object", "can-bus,id=bus0"),
        ("-device", "kvaser_pci,canbus=bus0"),
        ("-device", "ctucan_pci,canbus0=bus0,canbus1=bus0"),
    ] {
        options.extra.extend([kind.into(), value.into()]);
    }
    with_lines_on(options, |player| {
        measure(
            player,
            Times::Exact,
            &[
                ("kvaser-can0", "can send /dev/can/bus0 7#07", BAR_MS),
                ("ctu-can1", "can send /dev/can/bus1/0 7#07", BAR_MS),
                ("ich9-smbus0", "i2c read /dev/i2c/bus0 50 0 8", BAR_MS),
                ("gps", "sensor count gps0", BAR_MS),
                ("imu", "sensor count imu0", BAR_MS),
                ("maestro", "actuator list", BAR_MS),
            ],
        )
    })
}

/// Ends each of them a hundred times, after a rehearsal, and prints how long it took. Nothing may be lost with an end.
fn measure(player: &mut Player<'_>, times: Times, trials: &[Trial]) -> Outcome {
    for (name, command, _) in trials {
        player.enter_within(&format!("recovery {name} 5 {command}"), LONG)?;
    }
    let before = held(player)?;
    let mut late = Vec::new();
    for (name, command, bar) in trials {
        let told = player.enter_within(&format!("recovery {name} {TIMES} {command}"), LONG)?;
        let line = told.lines().last().unwrap_or_default();
        println!("  {line}");
        let (median, longest) = parse(line).ok_or_else(|| told.clone())?;
        let counts = if times == Times::Exact { longest } else { median };
        if counts > *bar {
            late.push(format!("{line} (at most {bar} ms)"));
        }
    }
    check(late.is_empty(), || format!("away too long: {}", late.join("; ")))?;
    same(&before, &held(player)?, LOCKS)
}

/// Median and longest time of the line in which `recovery` says them, in milliseconds.
fn parse(line: &str) -> Option<(f64, f64)> {
    let (rest, longest) = line.split_once(", longest ")?;
    let (_, median) = rest.split_once(" times, median ")?;
    Some((milliseconds(median)?, milliseconds(longest)?))
}

/// What the shell says of a span of time.
fn milliseconds(text: &str) -> Option<f64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let scale = [("ns", 1e-6), ("us", 1e-3), ("ms", 1.0), ("s", 1e3)].into_iter().find(|(name, _)| *name == unit)?.1;
    Some(number.parse::<f64>().ok()? * scale)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn times_are_read() {
        assert_eq!(parse("log: 100 times, median 850.0 us, longest 1.25 s"), Some((0.85, 1250.0)));
        assert_eq!(parse("recovery: no such process"), None);
    }
}
