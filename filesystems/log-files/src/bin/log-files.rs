//! The program: a thread that writes records to files, and the server that shows them. On a machine without the file system below there are none.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::CallError;
use airox_api::clock::ClockClient;
use airox_api::log::{LogClient, LogError, MAX_RECORD, records};
use airox_file_system::FileError;
use airox_log_files::{Keeper, View, line};
use airox_rt::thread::Builder;
use airox_rt::time::{Duration, Instant, sleep};
use airox_rt::{Port, Start, StartError};
use airox_stacked_files::Below;
use alloc::string::String;
use alloc::vec;

airox_rt::entry!(main);

/// Bytes of records asked for at a time.
const BATCH: usize = 16 << 10;
/// Until the log that ended is asked again, and until files that could not be written are tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

fn main(start: &'static Start) -> Result<(), StartError> {
    let (below, other) = Below::mounted_twice(start)?;
    let log: LogClient = start.connect()?;
    let unix_ns = start.connect::<ClockClient>().ok().and_then(|clock| clock.now().ok());
    let _runs_forever = Builder::default().spawn(move || keep(&log, other, unix_ns))?;
    airox_file_server::serve(start, View::new(below), None)
}

/// Writes records for ever, or until there is nothing to write to.
fn keep(log: &LogClient, below: Below<Port>, unix_ns: Option<u64>) {
    let mut keeper = match Keeper::new(below) {
        Ok(keeper) => keeper,
        Err(error) => return log::warn!("records are not kept in files: {error}"),
    };
    let boot = unix_ns.unwrap_or(0).saturating_sub(Instant::now().as_nanoseconds()) / 1_000_000_000;
    let mut after = match keeper.begin(boot) {
        Ok(true) => 0,
        // What came while nobody wrote is not in the files; twice would be worse.
        Ok(false) => log.wait(u64::MAX).unwrap_or(0),
        Err(error) => return log::warn!("records are not kept in files: {error}"),
    };
    let (mut lines, mut failed) = (String::new(), None);
    loop {
        match take(log, &mut after, &mut lines) {
            Ok(()) => {}
            Err(_) if sleep(PAUSES.0).is_err() => return,
            Err(_) => continue,
        }
        let added = keeper.add(&lines);
        lines.clear();
        // Once, since this is a record, too.
        if let Err(error) = added
            && failed.replace(error) != Some(error)
        {
            log::error!("records are not kept: {error}");
        }
        if matches!(added, Err(FileError::ServerDied)) && sleep(PAUSES.1).is_err() {
            return;
        }
    }
}

/// Waits for records newer than `after`, and adds them as lines.
fn take(log: &LogClient, after: &mut u64, lines: &mut String) -> Result<(), CallError<LogError>> {
    // A smaller number: the log began anew.
    if log.wait(*after)? < *after {
        *after = 0;
    }
    let mut bytes = vec![0; BATCH.max(MAX_RECORD)];
    let length = log.read(*after, &mut bytes)? as usize;
    for record in records(&bytes[..length.min(bytes.len())]) {
        *after = record.sequence;
        lines.push_str(&line(&record));
    }
    Ok(())
}
