//! Devices and their drivers: found, listed, killed, restarted.

use airox_machine::{Context, Disk, Event, Firmware, Machine, Options, Scenario};
use serde_json::json;

use crate::bars::{LOCKS, held, same};
use crate::play::{COMMAND_LIMIT, Outcome, Player, boot, check, play_on};
use crate::scenario;
use crate::screen::wait_for_screen;

pub const SCENARIOS: &[Scenario] = &[
    scenario("devices.a_disk_is_listed_and_verified", a_disk_is_listed_and_verified),
    scenario("devices.a_disk_survives_a_hundred_kills_of_its_driver", a_disk_survives_a_hundred_kills),
    scenario("devices.an_nvme_disk_is_verified_and_its_driver_restarted", an_nvme_disk_is_verified),
    scenario("devices.a_sata_disk_is_verified_and_its_driver_restarted", a_sata_disk_is_verified),
    scenario("devices.disks_work_behind_a_remapping_unit", disks_work_behind_a_remapping_unit),
    scenario("devices.a_disk_is_plugged_in_and_taken_out_twice", a_disk_is_plugged_in_and_taken_out),
    scenario("devices.a_virtio_keyboard_types_before_and_after_a_restart", a_virtio_keyboard_types),
    scenario("devices.a_disk_whose_memory_is_above_4_gib_works_under_uefi", a_disk_above_4_gib_works),
    scenario("devices.drivers_belong_to_the_device_manager", drivers_belong_to_the_device_manager),
];

const DISK: &str = "/dev/block/disk0";
const DRIVER: &str = "virtio-block0";
const KILLS: u32 = 100;
/// How often is looked whether a driver has ended.
const LOOKS: u32 = 100;

/// A machine of its own.
fn with_disk(context: &Context, play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    play_on(&mut boot(context.start())?, play)
}

fn verify(rounds: u32, seed: u32) -> String {
    format!("disk verify {DISK}/scratch {rounds} {seed}")
}

fn a_disk_is_listed_and_verified(context: &Context) -> Outcome {
    with_disk(context, |player| {
        let listed =
            [DISK, DRIVER, "running", "256 MiB in blocks of 512", "/dev/block/disk0/data", "/dev/block/disk0/scratch"];
        player.expect("devices", &listed)?;
        player.expect("devices --tree", &["1af4:1001 010000 running: /dev/block/disk0 by virtio-block0"])?;
        let count = player.expect("devices rescan", &[" devices"])?;
        player.expect_exactly("devices rescan", count.trim_end())?;
        player.expect(&verify(300, 1), &["300 rounds: "])?;
        player.expect(&format!("disk read {DISK}/scratch 0"), &["001f0  "])?;
        // What the shell was not given, and what is not there.
        player.expect(&format!("disk read {DISK}/data 0"), &["disk: not allowed"])?;
        player.expect(&format!("disk read {DISK} 0"), &["disk: not allowed"])?;
        player.expect("disk read /dev/block/disk1/scratch 0", &["disk: no such device"])?;
        player.expect(&format!("disk read {DISK}/scratch 999999999"), &["disk: the blocks are not on the disk"])?;
        Ok(())
    })
}

/// The screen's shell kills the driver again and again while the serial line's tries the disk out.
fn a_disk_survives_a_hundred_kills(context: &Context) -> Outcome {
    with_disk(context, |player| {
        // First everybody makes room for what that takes.
        player.press(&format!("kill {DRIVER}\n"))?;
        player.expect(&verify(400, 1), &["400 rounds: "])?;
        player.until(DRIVER, |driver| driver.state == "receiving" && driver.restarts == 1)?;
        let before = held(player)?;
        let mut killed = player.process(DRIVER)?.restarts;
        let wanted = killed + KILLS;
        player.press(&format!("clear; repeat -k -d 10ms {KILLS} restart {DRIVER}\n"))?;
        for seed in 2..200 {
            player.expect(&verify(400, seed), &["400 rounds: "])?;
            killed = player.process(DRIVER)?.restarts;
            if killed >= wanted {
                break;
            }
        }
        check(killed >= wanted, || format!("only {killed} restarts"))?;
        player.until(DRIVER, |driver| driver.state == "receiving")?;
        player.expect(&verify(50, 1), &["50 rounds: "])?;
        same(&before, &held(player)?, LOCKS)
    })
}

/// A machine with such a data disk: it is verified before and after a restart of its driver.
fn is_verified(options: &Options, disk: &str, driver: &str) -> Outcome {
    play_on(&mut boot(Machine::start(options))?, |player| verify_and_restart(player, disk, driver))
}

fn verify_and_restart(player: &mut Player<'_>, disk: &str, driver: &str) -> Outcome {
    let scratch = format!("{disk}/scratch");
    player.expect("devices", &[disk, driver, "running", "256 MiB in blocks of 512", &scratch])?;
    player.expect(&format!("disk verify {scratch} 300 1"), &["300 rounds: "])?;
    player.expect_exactly(&format!("restart {driver}"), "")?;
    player.expect(&format!("disk verify {scratch} 300 2"), &["300 rounds: "]).map(drop)
}

fn an_nvme_disk_is_verified(context: &Context) -> Outcome {
    let options = Options { data_disk: Some("data.img".into()), data_disk_kind: Disk::Nvme, ..context.options() };
    is_verified(&options, DISK, "nvme0")
}

/// On the controller that every q35 has.
fn a_sata_disk_is_verified(context: &Context) -> Outcome {
    let data = Options { data_disk: Some("data.img".into()), data_disk_kind: Disk::Ahci, ..context.options() };
    is_verified(&Options { disk: Disk::Virtio, ..data }, "/dev/block/sata0", "ahci0")
}

/// QEMU gives keys to it as long as its driver has it at work.
fn a_virtio_keyboard_types(context: &Context) -> Outcome {
    const TYPES: &str = "virtio-input0";
    let extra = ["-device", "virtio-keyboard-pci"].map(String::from).to_vec();
    play_on(&mut boot(Machine::start(&Options { extra, ..context.options() }))?, |player| {
        player.expect("devices", &["/dev/input/keyboard0", TYPES, "running"])?;
        for (restarts, word) in ["one", "two"].into_iter().enumerate() {
            player.until(TYPES, |driver| driver.state == "receiving" && driver.restarts == restarts as u32)?;
            player.press(&format!("clear\necho {word}\n"))?;
            wait_for_screen(player.machine, &format!("\n{word}"), COMMAND_LIMIT)?;
            player.expect_exactly(&format!("restart {TYPES}"), "")?;
        }
        Ok(())
    })
}

/// QEMU's virtio devices are behind the unit only if they are told to be, and then only as those of virtio 1.0.
fn disks_work_behind_a_remapping_unit(context: &Context) -> Outcome {
    for (kind, driver) in [(Disk::Nvme, "nvme0"), (Disk::Virtio, DRIVER)] {
        let mut options = Options { data_disk: Some("data.img".into()), data_disk_kind: kind, ..context.options() };
        let arguments = ["-device", "intel-iommu", "-global", "virtio-blk-pci.iommu_platform=on"];
        options.extra.extend(arguments.map(String::from));
        options.extra.extend(["-global", "virtio-blk-pci.disable-legacy=on"].map(String::from));
        play_on(&mut boot(Machine::start(&options))?, |player| {
            player.expect("log", &["devices reach their drivers' memory only"])?;
            verify_and_restart(player, DISK, driver)?;
            let log = player.enter("log")?;
            check(!log.contains("was kept from memory"), || format!("the disk was kept from memory:\n{log}"))
        })?;
    }
    Ok(())
}

/// UEFI firmware puts 64-bit memory of devices there.
fn a_disk_above_4_gib_works(context: &Context) -> Outcome {
    let options = Options { firmware: Firmware::Uefi, data_disk: Some("data.img".into()), ..context.options() };
    play_on(&mut boot(Machine::start(&options))?, |player| {
        let told = player.machine.qmp().execute("query-pci", json!({})).map_err(|error| error.to_string())?;
        let buses = told.as_array().into_iter().flatten();
        let devices = buses.flat_map(|bus| bus["devices"].as_array().into_iter().flatten());
        let mut regions = devices.flat_map(|device| device["regions"].as_array().into_iter().flatten());
        let high = regions.any(|region| region["address"].as_u64().is_some_and(|address| address >= 1 << 32));
        check(high, || format!("firmware has put nothing above 4 GiB: {told}"))?;
        player.expect("devices", &[DISK, DRIVER, "running"])?;
        player.expect(&verify(50, 1), &["50 rounds: "]).map(drop)
    })
}

/// At a port that tells the manager itself: QEMU's default is to ask firmware, in AML, which nobody interprets here. It takes the device away once its
/// driver has ended and the port has switched its power off.
fn a_disk_is_plugged_in_and_taken_out(context: &Context) -> Outcome {
    const NATIVE: &str = "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off";
    const PLUGGED: &str = "virtio-block1";
    let arguments = ["-global", NATIVE, "-device", "pcie-root-port,id=port0,chassis=1,slot=1"].map(String::from);
    let options = Options { extra: arguments.to_vec(), ..context.options() };
    play_on(&mut boot(Machine::start(&options))?, |player| {
        player.expect("devices", &["PATH"])?;
        let drive = json!({"driver": "null-co", "node-name": "empty", "size": 67_108_864, "read-zeroes": true});
        let device = json!({"driver": "virtio-blk-pci", "id": "plugged", "bus": "port0", "drive": "empty"});
        let qmp = |player: &mut Player<'_>, command: &str, arguments: &serde_json::Value| {
            let done = player.machine.qmp().execute(command, arguments.clone());
            done.map(drop).map_err(|error| error.to_string())
        };
        qmp(player, "blockdev-add", &drive)?;
        let mut seen = Vec::new();
        for round in 1..=2 {
            qmp(player, "device_add", &device)?;
            player.until(PLUGGED, |driver| driver.state == "receiving")?;
            player.expect(
                "devices --tree",
                &["  01:00.0 1af4:1042 010000 running: /dev/block/disk1 by virtio-block1 64 MiB"],
            )?;
            qmp(player, "device_del", &json!({"id": "plugged"}))?;
            let (mut listed, mut deleted) = (true, 0);
            for _ in 0..LOOKS {
                listed = player.enter("ps")?.contains(PLUGGED);
                let events = player.machine.qmp().events();
                let about_it = |event: &&Event| event.name == "DEVICE_DELETED" && event.data["device"] == "plugged";
                deleted = events.iter().filter(about_it).count();
                if !listed && deleted == round {
                    break;
                }
            }
            check(!listed, || "the driver has not ended".into())?;
            check(deleted == round, || "QEMU has not taken the device out".into())?;
            seen.push(held(player)?);
        }
        same(&seen[0], &seen[1], 0)
    })
}

fn drivers_belong_to_the_device_manager(context: &Context) -> Outcome {
    with_disk(context, |player| {
        player.expect(&format!("caps {DRIVER}"), &["serve:block", "irq:0", "device"])?;
        player.expect_exactly(&format!("restart {DRIVER}"), "")?;
        let restarted = player.until(DRIVER, |driver| driver.state == "receiving")?;
        check(restarted.restarts == 1, || format!("{restarted:?}"))?;
        // With its manager go its drivers, and come back with it.
        player.expect_exactly("kill device", "")?;
        player.until("device", |manager| manager.state == "receiving" && manager.restarts == 1)?;
        player.until(DRIVER, |driver| driver.state == "receiving" && driver.restarts == 0)?;
        player.expect(&verify(50, 1), &["50 rounds: "])?;
        player.expect("kill 10001", &[])?;
        player.expect("kill virtio-block9", &["kill: virtio-block9: "])?;
        Ok(())
    })
}
