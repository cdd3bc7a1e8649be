//! The wiring of a watchdog's driver: its port, and the device manager.

use airox_api::watchdog::{STATE, WatchdogDispatcher, WatchdogInterface};
use airox_driver_kit::Device;
use airox_driver_traits::watchdog::WatchdogTimer;
use airox_rt::time::Instant;
use airox_rt::{Start, server};
use alloc::boxed::Box;
use core::error::Error;

use crate::WatchdogServer;

/// Serves a watchdog: never returns, unless with an error.
///
/// # Errors
/// The driver was not given what it needs.
pub fn serve<T: WatchdogTimer>(
    start: &'static Start,
    device: &Device,
    timer: T,
    model: &str,
) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<WatchdogInterface>()?;
    let served = WatchdogServer::new(timer, || Instant::now().as_nanoseconds());
    device.announce(model, &[STATE.into()])?;
    Ok(server::serve(port, WatchdogDispatcher(served))?)
}
