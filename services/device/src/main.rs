//! The device manager's wiring: handles in, requests, signals and faults to the logic, answers out.
//!
//! Resource `pci`: configuration space, the holes and ports for devices, and interrupts; see `airox_device::arguments`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

mod machine;

use core::error::Error;
use core::mem::ManuallyDrop;
use core::ops::Range;

use airox_api::device::{DeviceDispatcher, DeviceError, DeviceInterface};
use airox_api::supervisor::{SupervisorClient, SupervisorDispatcher, SupervisorInterface};
use airox_api::{Deferred, Dispatch, Incoming, Interface, Outcome, ReplyMessage};
use airox_bundle::Bundle;
use airox_device::arguments::Pci;
use airox_device::manager::{Authority, Site, TRESPASS_BIT};
use airox_device::{Manager, Requests, wiring};
use airox_rt::abi::fault::{FaultAction, FaultKind};
use airox_rt::abi::layout::{LINE_VECTOR, MESSAGE_LINES, PAGE_SIZE};
use airox_rt::server::{self, Handler, KernelMessage};
use airox_rt::sys::{self, Tag};
use airox_rt::{Handle, IoPorts, Irq, Port, Quota, Region, Signal, Start, StartError, TypedHandle, memory};
use airox_spawn::SystemKernel;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use machine::Machine;

airox_rt::entry!(main);

/// The logic with all that is real.
type Devices<'a> = Manager<'a, SystemKernel, Machine, Deferred<Port, DeviceError>>;

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<DeviceInterface>()?;
    let signal = Signal::create()?;
    let pci = Pci::from_arguments(start.arguments().iter().map(String::as_str))?;
    // These live as long as the manager.
    let region = ManuallyDrop::new(start.take::<Region>("bundle")?);
    let messages = MESSAGE_LINES.map(|line| interrupt(start, line));
    let mut messages = messages.collect::<Result<Vec<_>, StartError>>()?;
    let mut unit = confine(start);
    if let (Some(unit), Some(own)) = (&mut unit, messages.pop()) {
        // The last message is the manager's own: it tells that a device was kept from memory. It lives as long as the manager.
        ManuallyDrop::new(Irq::from_raw(own)).bind(&signal, TRESPASS_BIT)?;
        unit.tell_faults(pci.message_address, u32::from(LINE_VECTOR) + MESSAGE_LINES.end - 1);
    }
    let authority = Authority {
        bundle: region.raw(),
        quota: start.take::<Quota>("quota")?.into_raw(),
        port: port.raw(),
        signal: signal.raw(),
        log: start.take::<Port>("log-admin")?.into_raw(),
        holes: ranges::<Region>(start, "mmio:hole", &pci.holes)?,
        ports: ranges::<IoPorts>(start, "ports:pci", &pci.ports)?,
        messages,
        // Another component may have one of them, or the machine lacks it.
        lines: wiring::LINES.filter_map(|line| Some((line, interrupt(start, line).ok()?))).collect(),
    };
    let init = start.connect::<SupervisorClient>()?;
    let machine = Machine::new(start.take("mmio:configuration")?, &pci, unit, init);

    let (pages, _, _) = region.region_info()?;
    let bytes = memory::map_constant(&region, (pages * PAGE_SIZE) as usize)?;
    let bundle = Bundle::parse(bytes)?;
    let system = bundle.system()?;
    let processors = sys::process_info(Handle::NONE)?.processors;
    let site = Site { bundle, bundle_bytes: bytes, system: &system, processors };
    let mut manager = Devices::new(SystemKernel, machine, site, authority, pci);
    let found = manager.rescan();
    log::info!("{found} devices found");
    let server = server::Server::new(port).with_signal(&signal)?;
    Ok(server.run(Serving(manager))?)
}

/// Turns the machine's remapping unit on, if it has one that can be driven.
fn confine(start: &Start) -> Option<machine::RemappingUnit> {
    let (registers, tables) = (start.take("mmio:remapping").ok()?, start.take("remapping-tables").ok()?);
    match machine::remapping_unit(&registers, &tables) {
        Ok(unit) => {
            log::info!("devices reach their drivers' memory only");
            Some(unit)
        }
        Err(error) => {
            log::error!("devices are not confined: the remapping unit cannot be driven: {error}");
            None
        }
    }
}

/// The handle to a line.
fn interrupt(start: &Start, line: u32) -> Result<Handle, StartError> {
    start.take::<Irq>(&format!("irq:{line}")).map(TypedHandle::into_raw)
}

/// Ranges, and the handle to each: they are numbered.
fn ranges<H: TypedHandle>(
    start: &Start,
    name: &str,
    ranges: &[Range<u64>],
) -> Result<Vec<(Range<u64>, Handle)>, StartError> {
    let with_handle = |(number, range): (usize, &Range<u64>)| {
        Ok((range.clone(), start.take::<H>(&format!("{name}{number}"))?.into_raw()))
    };
    ranges.iter().enumerate().map(with_handle).collect()
}

/// Brings what arrives to the logic.
struct Serving<'a>(Devices<'a>);

impl Serving<'_> {
    /// Answers those who waited for a device.
    fn answer(&mut self) {
        for (reply, result) in self.0.take_answers() {
            // Who waited may be gone by now.
            let _ = reply.send(result.map(Port::from_raw));
        }
    }
}

impl Handler for Serving<'_> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        let outcome = if u64::from(message.tag().user() >> 16) == SupervisorInterface::ID & 0xffff {
            SupervisorDispatcher(Requests(&mut self.0)).dispatch(message)
        } else {
            DeviceDispatcher(Requests(&mut self.0)).dispatch(message)
        };
        self.answer();
        outcome
    }

    fn signal(&mut self, bits: u64) {
        self.0.signalled(bits);
        self.answer();
    }

    fn fault(&mut self, message: &mut KernelMessage, _kind: Option<FaultKind>) -> Outcome {
        self.0.faulted(message.badge(), message.tag().label(), &message.words());
        self.answer();
        // The process is dead by now, and nobody waits for this.
        Outcome::Reply(ReplyMessage { tag: Tag::new(FaultAction::Kill as u16), ..ReplyMessage::default() })
    }
}
