//! The driver's program: a virtio source of randomness behind the interface `entropy`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::entropy::{EntropyDispatcher, EntropyInterface};
use airox_api::{Dispatch, Outcome};
use airox_driver_kit::{Device, Mapped, Shared};
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::{Signal, Start, exit_code};
use airox_virtio::Transport;
use airox_virtio_random::{EntropyServer, VirtioRandom};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

const INTERRUPT: u64 = 1;

struct Serving(EntropyDispatcher<EntropyServer<VirtioRandom<Mapped, Shared>>>);

impl Handler for Serving {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        self.0.dispatch(message)
    }

    fn signal(&mut self, _bits: u64) {
        if let Err(error) = self.0.0.pump() {
            log::error!("{error}");
            airox_rt::sys::process_exit(exit_code::FAILURE);
        }
    }
}

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<EntropyInterface>()?;
    let device = Device::take(start)?;
    let window = |bar, offset, length| device.registers(bar, offset, length);
    let Ok(transport) = Transport::find(&mut device.configuration(), window) else {
        // One from before virtio 1.0.
        airox_rt::sys::process_exit(exit_code::NO_DEVICE)
    };
    let source = VirtioRandom::new(transport, |bytes| device.memory(bytes).map_err(Box::<dyn Error>::from))?;
    let signal = Signal::create()?;
    let _interrupt = device.interrupt(0, &signal, INTERRUPT)?;
    device.announce("random bytes", &[])?;
    let serving = Serving(EntropyDispatcher(EntropyServer::new(source)));
    Ok(Server::new(port).with_signal(&signal)?.run(serving)?)
}
