//! What hangs on USB: found, used, pulled out and plugged in again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use airox_machine::{Context, Disk, Machine, Options, Scenario};
use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};
use serde_json::{Value, json};

use crate::play::{COMMAND_LIMIT, Outcome, Player, boot, check, play_on, until};
use crate::scenario;
use crate::screen::wait_for_screen;

pub const SCENARIOS: &[Scenario] = &[
    scenario("usb.a_keyboard_behind_a_hub_types_and_comes_and_goes", a_keyboard_behind_a_hub),
    scenario("usb.a_stick_is_exchanged_with_a_pc", a_stick_is_exchanged),
    scenario("usb.a_keyboard_is_enough_without_a_ps2_controller", without_a_ps2_controller),
    scenario("usb.a_disk_is_verified_over_restarts_and_unplugged", a_disk_is_verified),
];

const KEYBOARD: &str = "/dev/input/keyboard0";

fn with_controller(context: &Context, devices: &[&str], play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    let mut extra = vec!["-device".into(), "qemu-xhci,id=usb".into()];
    extra.extend(devices.iter().map(|argument| argument.to_string()));
    play_on(&mut boot(Machine::start(&Options { extra, ..context.options() }))?, play)
}

fn execute(player: &mut Player<'_>, command: &str, arguments: Value) -> Outcome {
    player.machine.qmp().execute(command, arguments).map(drop).map_err(|error| error.to_string())
}

/// Waits until no device has this path.
fn until_gone(player: &mut Player<'_>, path: &str) -> Outcome {
    for _ in 0..60 {
        if !player.enter("devices")?.contains(path) {
            return Ok(());
        }
        player.enter("sleep 0.1")?;
    }
    Err(format!("{path} is still there"))
}

/// What is typed at whatever keyboard is connected reaches the shell on the screen.
fn types(player: &mut Player<'_>, word: &str) -> Outcome {
    player.press(&format!("clear\necho {word}\n"))?;
    wait_for_screen(player.machine, &format!("\n{word}"), COMMAND_LIMIT).map(drop)
}

fn without_a_ps2_controller(context: &Context) -> Outcome {
    let extra = ["-device", "qemu-xhci,id=usb", "-device", "usb-kbd,bus=usb.0"].map(String::from).to_vec();
    let options = Options { machine_type: Some("q35,i8042=off".into()), extra, ..context.options() };
    play_on(&mut boot(Machine::start(&options))?, |player| {
        until(player, "devices", &[KEYBOARD, "usb-keyboard0  running"])?;
        types(player, "alone")
    })
}

fn a_keyboard_behind_a_hub(context: &Context) -> Outcome {
    with_controller(context, &["-device", "usb-hub,bus=usb.0,port=1"], |player| {
        until(player, "devices --tree", &["/dev/bus/usb0 by xhci0", "090000 bridge: QEMU USB Hub"])?;
        let keyboard = json!({"driver": "usb-kbd", "id": "keys", "bus": "usb.0", "port": "1.2"});
        execute(player, "device_add", keyboard.clone())?;
        until(player, "devices", &[KEYBOARD, "usb-keyboard0  running", "QEMU USB Keyboard"])?;
        types(player, "one")?;
        let granted = player.expect("caps usb-keyboard0", &["usb", "serve:input", "device"])?;
        check(!granted.contains("irq") && !granted.contains("mmio"), || granted)?;
        // Its driver, and then the controller's with all that hang on it.
        player.expect_exactly("kill usb-keyboard0", "")?;
        until(player, "devices", &["usb-keyboard0  running         1"])?;
        types(player, "two")?;
        player.expect_exactly("kill xhci0", "")?;
        until(player, "devices", &["xhci0          running         1", "usb-keyboard0  running         1"])?;
        types(player, "three")?;
        execute(player, "device_del", json!({"id": "keys"}))?;
        until_gone(player, KEYBOARD)?;
        // The keys are the PS/2 keyboard's now; then it is another port.
        types(player, "four")?;
        let mut elsewhere = keyboard;
        elsewhere["port"] = "2".into();
        execute(player, "device_add", elsewhere)?;
        until(player, "devices --tree", &[&format!("running: {KEYBOARD}")])?;
        types(player, "five")
    })
}

/// Does what a PC does with a stick: `act` gets the root directory of the FAT volume that the image is.
fn on_a_pc(
    image: &Path,
    act: impl FnOnce(&fatfs::Dir<'_, &File>) -> Result<(), std::io::Error>,
) -> Result<(), std::io::Error> {
    let file = File::options().read(true).write(true).open(image)?;
    let volume = FileSystem::new(&file, FsOptions::new())?;
    act(&volume.root_dir())?;
    volume.unmount()
}

/// What is written on one side is read on the other; the stick comes while the machine runs, and goes again.
fn a_stick_is_exchanged(context: &Context) -> Outcome {
    const TEXT: &str = "written on a PC\n";
    let image = context.image.with_file_name("stick.img");
    let told = |error: std::io::Error| format!("{}: {error}", image.display());
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&image).map_err(told)?;
    file.set_len(32 << 20).map_err(told)?;
    fatfs::format_volume(&file, FormatVolumeOptions::new().fat_type(FatType::Fat16)).map_err(told)?;
    on_a_pc(&image, |root| {
        root.create_dir("A folder")?;
        root.create_file("A folder/a long name.txt")?.write_all(TEXT.as_bytes())
    })
    .map_err(told)?;
    let drive = format!("if=none,id=stick,format=raw,file={}", image.display().to_string().replace(',', ",,"));
    with_controller(context, &["-drive", &drive], |player| {
        player.expect_exactly("ls /usb", "")?;
        player.expect("write /usb/note x", &["the disk is gone"])?;
        let stick = json!({"driver": "usb-storage", "id": "plugged", "bus": "usb.0", "drive": "stick"});
        execute(player, "device_add", stick)?;
        until(player, "cat '/usb/A folder/a long name.txt'", &[TEXT.trim_end()])?;
        player.expect_exactly("write '/usb/A folder/answer' written in AIROX", "")?;
        player.expect_exactly("mv '/usb/A folder/a long name.txt' /usb/moved && cp -r /boot /usb/boot", "")?;
        player.expect("df", &["/usb"])?;
        player.expect_exactly("sync", "")?;
        player.expect("check /usb", &["no problems"])?;
        // Its driver, and with it the file server's way to it; then the server itself.
        player.expect_exactly("restart usb-storage0 && write /usb/again 1 && sync", "")?;
        player.expect_exactly("restart usb && write -a /usb/again 2 && sync", "")?;
        execute(player, "device_del", json!({"id": "plugged"}))?;
        until_gone(player, "/dev/block/usb-disk0")?;
        // Who asks first finds that it is gone; what was read before may be shown to them.
        player.enter("ls /usb")?;
        player.expect_exactly("ls /usb", "")
    })?;
    let mut found = BTreeMap::new();
    on_a_pc(&image, |root| {
        for name in ["A folder/answer", "moved", "again"] {
            let mut text = String::new();
            root.open_file(name)?.read_to_string(&mut text)?;
            found.insert(name, text);
        }
        Ok(())
    })
    .map_err(told)?;
    let expected = [("A folder/answer", "written in AIROX\n"), ("moved", TEXT), ("again", "1\n2\n")];
    check(found == expected.into_iter().map(|(name, text)| (name, text.to_string())).collect(), || format!("{found:?}"))
}

fn a_disk_is_verified(context: &Context) -> Outcome {
    const DISK: &str = "/dev/block/usb-disk0";
    const DRIVER: &str = "usb-storage0";
    let options = Options { data_disk: Some("data.img".into()), data_disk_kind: Disk::Usb, ..context.options() };
    play_on(&mut boot(Machine::start(&options))?, |player| {
        until(player, "devices", &[DISK, DRIVER, "256 MiB in blocks of 512", "/dev/block/usb-disk0/scratch"])?;
        let verify = |player: &mut Player<'_>, seed: u32| {
            player.expect(&format!("disk verify {DISK}/scratch 100 {seed}"), &["100 rounds: "])
        };
        verify(player, 1)?;
        player.expect(&format!("disk read {DISK} 0"), &["disk: not allowed"])?;
        player.expect_exactly(&format!("restart {DRIVER}"), "")?;
        verify(player, 2)?;
        // With the controller's driver goes the disk's; both come back.
        player.expect_exactly("restart xhci0", "")?;
        until(player, "devices", &["usb-storage0  running         1"])?;
        verify(player, 3)?;
        execute(player, "device_del", json!({"id": "data-disk"}))?;
        until_gone(player, DISK)?;
        player.expect(&format!("disk read {DISK}/scratch 0"), &["disk: no such device"]).map(drop)
    })
}
