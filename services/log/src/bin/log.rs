//! The log server's program.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use airox_api::log::{Level, LogDispatcher, LogInterface};
use airox_log::service::LogServer;
use airox_rt::time::Instant;
use airox_rt::{Start, StartError, server};

airox_rt::entry!(main);

/// The badge of the server's own records; init counts its badges up from 1 and never gets here.
const OWN_BADGE: u64 = u64::MAX;
/// Records through a handle without a badge are init's: it made the port.
const NO_BADGE: u64 = 0;

fn main(start: &'static Start) -> Result<(), StartError> {
    let port = start.served_port::<LogInterface>()?;
    let mut log = LogServer::new(|| Instant::now().as_nanoseconds());
    for (badge, name) in [(OWN_BADGE, start.name()), (NO_BADGE, "init")] {
        // An empty table has room.
        let _ = log.name(badge, name);
    }
    log.record(OWN_BADGE, Level::Info, b"started");
    Ok(server::serve(port, LogDispatcher(log))?)
}
