//! The program: the files of a disk behind the interface `file-system`.
//!
//! Argument `disk=PATH`: which disk or part of one, by the device manager's name. Its driver is waited for; on a machine without the disk the program
//! ends, and the file service knows that there will be no such files. A new disk gets an empty volume; one that holds anything else is left alone.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::CallError;
use airox_api::clock::ClockClient;
use airox_api::device::{DeviceClient, DeviceError, DeviceState};
use airox_block_client::Disk;
use airox_persistent::checksum::of_name;
use airox_persistent::{Error, Files, Format, Settings, Volume};
use airox_rt::time::Instant;
use airox_rt::{Start, exit_code};
use alloc::boxed::Box;
use alloc::format;

/// Bytes that one request reads from the disk, in memory that the device reaches.
const READ: usize = 1 << 20;
/// Bytes written that are kept there until they are flushed, in case the disk's driver is restarted.
const WRITTEN: usize = 16 << 20;
/// How often in a row the device manager dies before it is taken to be gone for good.
const MANAGER_DEATHS: u32 = 10;
/// The rest of the heap is for the log while it is read, a checkpoint, and the clients' open files.
const SETTINGS: Settings = Settings { cache_blocks: 1024, buffer_blocks: 256, table_bytes: 2 << 20 };

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), Box<dyn core::error::Error>> {
    let path = start.arguments().iter().find_map(|argument| argument.strip_prefix("disk="));
    let path = path.ok_or("the argument disk=PATH is missing")?;
    let devices: DeviceClient = start.connect()?;
    let clock: Option<ClockClient> = start.connect().ok();
    let now = clock.and_then(|clock| clock.now().ok()).unwrap_or(0);
    if !is_there_at_last(&devices, path)? {
        log::info!("{path}: there is no such disk");
        airox_rt::sys::process_exit(exit_code::NO_DEVICE)
    }
    let disk = Disk::over(devices.open(path, true)?, READ, WRITTEN)?;
    let volume = mount(disk, path, now).map_err(|error| format!("{path}: {error}"))?;
    Ok(airox_file_server::serve(start, Files::new(volume), None)?)
}

/// Like [`is_there`], whatever becomes of the device manager meanwhile. One that died will be started again and the call waits for it; one that
/// cannot run on this machine closed its port for good, and every call ends at once.
fn is_there_at_last(devices: &DeviceClient, path: &str) -> Result<bool, CallError<DeviceError>> {
    for _ in 0..MANAGER_DEATHS {
        match is_there(devices, path) {
            Err(CallError::ServerDied) => {}
            known => return known,
        }
    }
    log::info!("no device manager runs here");
    Ok(false)
}

/// Whether the disk can be opened now, or its driver is about to serve it.
fn is_there(devices: &DeviceClient, path: &str) -> Result<bool, CallError<DeviceError>> {
    if devices.open(path, false).is_ok() {
        return Ok(true);
    }
    let mut cursor = 0;
    loop {
        let entries = devices.list(cursor)?;
        if entries.is_empty() {
            return Ok(false);
        }
        let below =
            |device: &str| path.strip_prefix(device).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let found = entries.iter().find(|entry| !entry.path.is_empty() && below(&entry.path));
        if let Some(device) = found {
            return Ok(matches!(device.state, DeviceState::Starting | DeviceState::Restarting));
        }
        cursor += entries.len() as u32;
    }
}

/// Mounts the disk's volume, and says in the log what was found.
fn mount(disk: Disk, path: &str, now: u64) -> Result<Volume<Disk>, Error> {
    // Not to be guessed from outside: nobody knows to the nanosecond when the disk was first opened.
    let number = |part| u128::from(of_name(path, now ^ Instant::now().as_nanoseconds().rotate_left(part)));
    let format = Format { volume: number(20) << 64 | number(40), label: "airox", log_blocks: None, now };
    let (disk, made) = Volume::format_blank(disk, &format)?;
    let (volume, mounted) = Volume::mount(disk, SETTINGS)?;
    if made {
        log::info!("{path}: a new volume");
    }
    if mounted.batches > 0 {
        log::info!("{path}: it was not unmounted; {} synchronisations came back from its log", mounted.batches);
    }
    if let Some(block) = mounted.cut_short {
        log::warn!("{path}: block {block}: the last synchronisation was cut short");
    }
    if let Some(block) = mounted.restored {
        log::warn!("{path}: block {block}: the superblock was restored from its copy");
    }
    Ok(volume)
}
