//! The wiring of a display's driver: its port, and the device manager.

use airox_api::display::{DisplayDispatcher, DisplayError, DisplayInterface};
use airox_api::{Dispatch, Outcome};
use airox_driver_kit::Device;
use airox_driver_traits::display::Display;
use airox_rt::abi::layout::PAGE_SIZE;
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::{Region, Start, exit_code};
use alloc::boxed::Box;
use alloc::format;
use core::error::Error;

use crate::server::{DisplayServer, Memory};

/// Serves a display: never returns, unless with an error.
///
/// # Errors
/// The driver was not given what it needs.
pub fn serve<D: Display>(start: &'static Start, device: Device, display: D) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<DisplayInterface>()?;
    let size = display.size();
    device.announce(&format!("{}x{} pixels", size.width, size.height), &[])?;
    let serving = Serving(DisplayDispatcher(DisplayServer::new(display, Lent(device))));
    Ok(Server::new(port).run(serving)?)
}

/// Clients' memory, which the device manager lets the device use.
struct Lent(Device);

impl Memory for Lent {
    fn map(&mut self, region: &Region) -> Result<(u64, u64), DisplayError> {
        let (pages, _, _) = region.region_info().map_err(|_| DisplayError::BadMemory)?;
        let address = self.0.map(region).map_err(|_| DisplayError::BadMemory)?;
        Ok((address, pages * PAGE_SIZE))
    }

    fn unmap(&mut self, address: u64) {
        if let Err(error) = self.0.unmap(address) {
            log::error!("the device keeps memory: {error}");
        }
    }
}

struct Serving<D>(DisplayDispatcher<DisplayServer<D, Lent>>);

impl<D: Display> Handler for Serving<D> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        let outcome = self.0.dispatch(message);
        if self.0.0.is_broken() {
            log::error!("{}", DisplayError::Device);
            airox_rt::sys::process_exit(exit_code::FAILURE);
        }
        outcome
    }
}
