//! The program: the settings behind the interface `file-system`, kept in the file system that its system file mounts. On a machine without that
//! file system they are forgotten when the machine is switched off.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::log::{Level, LogClient};
use airox_configuration::schema::{EVERYBODY, LOG_LEVELS};
use airox_configuration::{ConfigFiles, MAX_TEXT, Settings, World};
use airox_file_system::{FileError, path};
use airox_rt::{Start, StartError};
use airox_stacked_files::Below;
use alloc::vec;

airox_rt::entry!(main);

/// Where they are kept.
const DIRECTORY: &str = "/config";
const FILE: &str = "/config/settings";
/// The log's word for all servers.
const EVERY_SOURCE: &str = "*";

fn main(start: &'static Start) -> Result<(), StartError> {
    let below = Below::mounted(start)?;
    let (settings, kept) = match load(&below) {
        Ok(settings) => (settings, true),
        Err(error) => {
            log::warn!("settings are not kept: {error}");
            (Settings::default(), false)
        }
    };
    let machine = Machine { below: kept.then_some(below), log: start.connect()? };
    airox_file_server::serve(start, ConfigFiles::new(settings, machine), None)
}

fn load(below: &Below) -> Result<Settings, FileError> {
    below.make_directory(DIRECTORY)?;
    let mut text = vec![0; MAX_TEXT];
    let length = match below.read(FILE, 0, &mut text) {
        Err(FileError::NotFound) => 0,
        other => other?,
    };
    let (settings, dropped) = Settings::parse(&text[..length]);
    if dropped > 0 {
        log::warn!("{dropped} settings that were kept are not in the schema");
    }
    Ok(settings)
}

struct Machine {
    /// Where settings are kept, if anywhere.
    below: Option<Below>,
    log: LogClient,
}

impl World for Machine {
    fn keep(&mut self, text: &str) -> Result<(), FileError> {
        self.below.as_ref().map_or(Ok(()), |below| below.replace(FILE, text.as_bytes()))
    }

    fn changed(&mut self, changed: &str, value: &str) {
        let Some((LOG_LEVELS, name)) = path::split(changed) else { return };
        let source = if name == EVERYBODY { EVERY_SOURCE } else { name };
        let Some(level) = Level::from_name(value) else { return };
        if let Err(error) = self.log.set_level(source, level) {
            log::warn!("log level of {name}: {error}");
        }
    }
}
