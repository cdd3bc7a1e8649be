//! The wiring of a bus's driver: its port, and the device manager.

use airox_api::i2c::{I2cDispatcher, I2cFault, I2cInterface};
use airox_driver_kit::Device;
use airox_driver_traits::i2c::I2c;
use airox_rt::{Start, server};
use alloc::boxed::Box;
use core::error::Error;

use crate::I2cServer;

/// Serves a bus: never returns, unless with an error.
///
/// # Errors
/// The driver was not given what it needs.
pub fn serve<B: I2c<Error = I2cFault>>(
    start: &'static Start,
    device: &Device,
    bus: B,
    model: &'static str,
) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<I2cInterface>()?;
    device.announce(model, &[])?;
    Ok(server::serve(port, I2cDispatcher(I2cServer::new(bus, model)))?)
}
