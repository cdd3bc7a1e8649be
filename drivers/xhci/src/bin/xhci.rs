//! The driver's program: a controller, its bus, and the interface `usb` for the drivers of devices.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::device::{BusAddress, Child};
use airox_api::usb::{UsbDispatcher, UsbError, UsbInterface};
use airox_api::{Dispatch, Outcome};
use airox_driver_kit::{Device, KitError, Mapped, Shared};
use airox_driver_traits::dma::DmaMemory;
use airox_rt::abi::layout::PAGE_SIZE;
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::task::Tasks;
use airox_rt::time::Duration;
use airox_rt::{Region, Signal, Start, exit_code};
use airox_xhci::{Bus, Host, Requests};
use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use core::error::Error;
use core::future::Future;
use core::pin::Pin;

airox_rt::entry!(main);

/// The bit of the signal that the controller's interrupt sets.
const INTERRUPT: u64 = 1;

/// Everything real.
struct Real {
    device: Rc<Device>,
    tasks: Tasks,
}

impl Host for Real {
    type Registers = Mapped;
    type Memory = Shared;
    type Lent = Region;
    type Signal = Signal;

    fn allocate(&self, bytes: usize) -> Option<Shared> {
        let memory = self.device.memory(bytes);
        memory.inspect_err(|error| log::error!("no memory for the controller: {error}")).ok()
    }

    fn free(&self, memory: Shared) {
        self.give_back(memory.device_address());
    }

    fn lend(&self, memory: Region) -> Result<(u64, u64), UsbError> {
        let kernel = |error: airox_rt::Error| UsbError::Kernel(error as u32);
        let (pages, _, _) = memory.region_info().map_err(kernel)?;
        let address = self.device.map(&memory).map_err(|error| match error {
            KitError::Kernel(error) => kernel(error),
            _ => UsbError::BadMemory,
        })?;
        Ok((address, pages * PAGE_SIZE))
    }

    fn give_back(&self, address: u64) {
        if let Err(error) = self.device.unmap(address) {
            log::error!("memory that was mapped cannot be unmapped: {error}");
        }
    }

    fn notify(&self, signal: &Signal, bits: u64) {
        // A driver that has ended is told nothing.
        let _ = signal.notify(bits);
    }

    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> {
        let tasks = self.tasks.clone();
        async move { tasks.sleep(Duration::from_millis(milliseconds)).await }
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>) {
        self.tasks.spawn(task);
    }

    fn found(&self, child: &Child) {
        if let Err(error) = self.device.add_child(child) {
            log::error!("the device manager does not take {}: {error}", child.name);
        }
    }

    fn lost(&self, key: u32) {
        // One that it did not take is unknown there.
        let _ = self.device.remove_child(key);
    }

    fn settled(&self, devices: usize) {
        if let Err(error) = self.device.announce(&format!("{devices} devices and hubs at the start"), &[]) {
            log::error!("cannot tell the device manager: {error}");
        }
    }

    fn address(&self) -> BusAddress {
        self.device.address()
    }
}

/// Requests and interrupts to the bus.
struct Program {
    requests: UsbDispatcher<Requests<Real>>,
    bus: Bus<Real>,
    tasks: Tasks,
}

impl Handler for Program {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        self.requests.dispatch(message)
    }

    fn signal(&mut self, _bits: u64) {
        match self.bus.interrupt() {
            Ok(false) => {}
            // The rest after the clients' turn.
            Ok(true) => drop(self.tasks.signal().notify(INTERRUPT)),
            Err(_) => {
                log::error!("the controller cannot go on");
                airox_rt::sys::process_exit(exit_code::FAILURE);
            }
        }
    }
}

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<UsbInterface>()?;
    let device = Rc::new(Device::take(start)?);
    let tasks = Tasks::new(Signal::create()?);
    let _interrupt = device.interrupt(0, tasks.signal(), INTERRUPT)?;
    let host = Real { device: Rc::clone(&device), tasks: tasks.clone() };
    let bus = Bus::new(host, |offset, length| device.registers(0, offset, length))?;
    bus.run();
    let server = Server::new(port).with_tasks(&tasks)?;
    Ok(server.run(Program { requests: UsbDispatcher(Requests(bus.clone())), bus, tasks })?)
}
