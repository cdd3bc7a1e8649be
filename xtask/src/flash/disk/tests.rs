//! Disks of a made-up machine: `sda` holds the running system (its root on an encrypted partition), `sdb` is a stick
//! with a mounted partition, `sdc` a free stick.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;
use crate::flash::verdict::{Verdict, judge};

struct Machine {
    tables: Tables,
}

impl Machine {
    fn new(name: &str) -> Machine {
        let sysfs = std::env::temp_dir().join(format!("airox-sysfs-{name}-{}", std::process::id()));
        fs::create_dir_all(sysfs.join("dev/block")).unwrap();
        let machine = Machine {
            tables: Tables {
                sysfs,
                mounts: "21 1 0:20 / /proc rw,nosuid - proc proc rw\n\
                         22 1 253:0 / / rw shared:1 - ext4 /dev/mapper/root rw\n\
                         23 22 8:1 / /boot rw - vfat /dev/sda1 rw\n\
                         24 22 8:17 / /media/my\\040stick rw shared:2 master:3 - vfat /dev/sdb1 rw\n"
                    .to_owned(),
                swaps: "Filename Type Size Used Priority\n/dev/sda3 partition 1 0 -2\n".to_owned(),
            },
        };
        machine.device("sda", "8:0", false);
        machine.device("sda/sda1", "8:1", false);
        machine.device("sda/sda2", "8:2", false);
        machine.device("sda/sda3", "8:3", false);
        machine.device("dm-0", "253:0", false);
        let holders = machine.folder("sda/sda2").join("holders");
        fs::create_dir(&holders).unwrap();
        symlink(machine.folder("dm-0"), holders.join("dm-0")).unwrap();
        machine.device("sdb", "8:16", true);
        machine.device("sdb/sdb1", "8:17", true);
        machine.device("sdc", "8:32", true);
        machine
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.tables.sysfs.join("devices").join(name)
    }

    fn device(&self, name: &str, number: &str, removable: bool) {
        let folder = self.folder(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("dev"), format!("{number}\n")).unwrap();
        fs::write(folder.join("size"), "2097152\n").unwrap();
        fs::write(folder.join("ro"), "0\n").unwrap();
        if name.contains('/') {
            fs::write(folder.join("partition"), "1\n").unwrap();
        } else {
            fs::write(folder.join("removable"), format!("{}\n", u8::from(removable))).unwrap();
            fs::create_dir(folder.join("queue")).unwrap();
            fs::write(folder.join("queue/logical_block_size"), "512\n").unwrap();
        }
        symlink(&folder, self.tables.sysfs.join("dev/block").join(number)).unwrap();
    }

    fn set(&self, name: &str, attribute: &str, value: &str) {
        fs::write(self.folder(name).join(attribute), value).unwrap();
    }

    fn examine(&self, major: u32, minor: u32) -> Disk {
        examine(&self.tables, rustix::fs::makedev(major, minor)).unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.tables.sysfs);
    }
}

const LENGTH: u64 = 100 << 20;

fn refusal(disk: &Disk) -> String {
    match judge(disk, LENGTH) {
        Verdict::Refuse(reason) => reason,
        other => panic!("{other:?}"),
    }
}

fn doubts(disk: &Disk) -> Vec<String> {
    match judge(disk, LENGTH) {
        Verdict::Confirm(reasons) => reasons,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_free_stick_is_written() {
    let machine = Machine::new("free");
    let disk = machine.examine(8, 32);
    assert_eq!(disk.name, "sdc");
    assert_eq!(disk.length, 1 << 30);
    assert_eq!(disk.uses, []);
    assert_eq!(judge(&disk, LENGTH), Verdict::Write);
}

#[test]
fn a_mounted_stick_wants_a_confirmation_that_names_the_mount_point() {
    let machine = Machine::new("mounted");
    let disk = machine.examine(8, 16);
    assert_eq!(doubts(&disk), ["sdb1 is mounted at /media/my stick"]);
}

#[test]
fn a_mount_is_found_by_its_source_too() {
    // Some file systems mount under numbers of their own.
    let mut machine = Machine::new("source");
    machine.tables.mounts.push_str("25 22 0:44 / /srv rw - btrfs /dev/sdc rw\n");
    let disk = machine.examine(8, 32);
    assert_eq!(doubts(&disk), ["sdc is mounted at /srv"]);
}

#[test]
fn the_systems_disk_is_refused_whatever_is_typed() {
    let machine = Machine::new("system");
    let disk = machine.examine(8, 0);
    assert!(disk.uses.contains(&Use::Held { device: "sda2".into(), by: "dm-0".into() }));
    assert!(disk.uses.contains(&Use::Mounted { device: "dm-0".into(), at: "/".into() }));
    assert!(disk.uses.contains(&Use::Swap { device: "sda3".into() }));
    let reason = refusal(&disk);
    assert!(reason.contains("running system"), "{reason}");
}

#[test]
fn a_partition_is_refused_and_its_disk_named() {
    let machine = Machine::new("partition");
    let reason = refusal(&machine.examine(8, 17));
    assert!(reason.contains("whole disk, sdb"), "{reason}");
}

#[test]
fn a_fixed_disk_wants_a_confirmation() {
    let machine = Machine::new("fixed");
    machine.set("sdc", "removable", "0\n");
    assert_eq!(doubts(&machine.examine(8, 32)), ["sdc is not a removable disk"]);
}

#[test]
fn parts_of_other_devices_and_swap_are_refused() {
    let mut machine = Machine::new("held");
    machine.device("md0", "9:0", false);
    let holders = machine.folder("sdc").join("holders");
    fs::create_dir(&holders).unwrap();
    symlink(machine.folder("md0"), holders.join("md0")).unwrap();
    let reason = refusal(&machine.examine(8, 32));
    assert!(reason.contains("part of md0"), "{reason}");
    fs::remove_dir_all(holders).unwrap();
    machine.tables.swaps.push_str("/dev/sdc partition 1 0 -3\n");
    let reason = refusal(&machine.examine(8, 32));
    assert!(reason.contains("swap"), "{reason}");
}

#[test]
fn a_write_protected_or_small_disk_is_refused() {
    let machine = Machine::new("small");
    machine.set("sdc", "ro", "1\n");
    assert!(refusal(&machine.examine(8, 32)).contains("write-protected"));
    machine.set("sdc", "ro", "0\n");
    machine.set("sdc", "size", "1000\n");
    assert!(refusal(&machine.examine(8, 32)).contains("too small"));
}

#[test]
fn a_disk_with_large_sectors_is_refused() {
    let machine = Machine::new("sectors");
    machine.set("sdc", "queue/logical_block_size", "4096\n");
    let reason = refusal(&machine.examine(8, 32));
    assert!(reason.contains("sectors of 4096 bytes"), "{reason}");
}

#[test]
fn an_unknown_device_is_an_error() {
    let machine = Machine::new("unknown");
    assert!(examine(&machine.tables, rustix::fs::makedev(8, 99)).is_err());
}

#[test]
fn broken_tables_do_not_panic() {
    let mut machine = Machine::new("broken");
    machine.tables.mounts = "nonsense\n1 2 - \n - - -\n1 2 3 - a b".to_owned();
    machine.tables.swaps = "\n\n \n".to_owned();
    assert_eq!(machine.examine(8, 32).uses, []);
}
