//! The root task's wiring: from the root block to the supervisor's loop. Everything that decides is in the library.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

mod files_forwarder;
mod firmware;
mod forwarder;

use alloc::format;
use alloc::string::String;
use core::convert::Infallible;
use core::fmt::Display;

use airox_api::supervisor::{SupervisorDispatcher, SupervisorInterface};
use airox_api::{Dispatch, Interface, Outcome, ReplyMessage};
use airox_bundle::Bundle;
use airox_init::house::Authority;
use airox_init::plan::plan;
use airox_init::resources::Firmware;
use airox_init::supervisor::Supervisor;
use airox_rt::abi::fault::{FaultAction, FaultKind};
use airox_rt::api::Incoming;
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::sys::{self, Tag};
use airox_rt::{Error, Port, Region, Rights, RootBlock, Signal, TypedHandle, memory};
use airox_spawn::SystemKernel;

use firmware::PhysicalMemory;
use forwarder::Forwarder;

airox_rt::root_entry!(main);

/// Init could not start the system.
const EXIT_FAILURE: i64 = 1;

fn main(root: &'static RootBlock) -> ! {
    let Err(reason) = run(root);
    airox_rt::logging::debug_write(&format!("init: the system cannot start: {reason}\n"));
    sys::process_exit(EXIT_FAILURE)
}

/// Says what failed.
fn at<T, E: Display>(what: &str, result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error}"))
}

fn run(root: &'static RootBlock) -> Result<Infallible, String> {
    let bytes = at("bundle", map_bundle(root))?;
    let bundle = at("bundle", Bundle::parse(bytes))?;
    let system = at("system record", bundle.system())?;
    let plan = at("system record", plan(&system, &bundle))?;

    at("trace", sys::trace_set(root.machine, system.trace))?;

    let port = at("port", Port::create(SupervisorInterface::ID))?;
    let signal = at("signal", Signal::create())?;
    let authority = at("handles", keep(root, &port, &signal))?;
    let forwarder = at("log thread", Forwarder::start())?;
    let mut supervisor = Supervisor::new(SystemKernel, forwarder, bundle, bytes, &system, plan, authority);

    let memory = PhysicalMemory::new(root.machine);
    let firmware = Firmware { rsdp: root.rsdp, framebuffer: root.framebuffer, memory: &memory };
    let prepared = supervisor.prepare(root.machine, &firmware);
    at("ports and resources", prepared)?;
    at("handles", give_up(root, &authority))?;

    supervisor.start_all();
    let handler = Supervising(SupervisorDispatcher(supervisor));
    let server = at("signal", Server::new(port).with_signal(&signal))?;
    at("supervisor port", server.run(handler))?;
    Err("supervisor port: closed".into())
}

/// The bundle's bytes, mapped for good.
fn map_bundle(root: &RootBlock) -> Result<&'static [u8], Error> {
    let length = usize::try_from(root.bundle_length).map_err(|_| Error::InvalidArgument)?;
    // The handle stays init's: components' programs are mapped from it.
    let region = core::mem::ManuallyDrop::new(Region::from_raw(root.bundle));
    memory::map_constant(&region, length)
}

/// What init keeps of its authority.
fn keep(root: &RootBlock, port: &Port, signal: &Signal) -> Result<Authority, Error> {
    let machine_rights = Rights::READ | Rights::SEND | Rights::COPY;
    Ok(Authority {
        bundle: root.bundle,
        quota: root.quota,
        own_process: sys::handle_copy(root.process, Rights::READ, 0)?,
        machine: sys::handle_copy(root.machine, machine_rights, 0)?,
        port: port.raw(),
        signal: signal.raw(),
    })
}

/// Gives up what init needs no more: the authority to mint resources, and control over itself by handle.
fn give_up(root: &RootBlock, kept: &Authority) -> Result<(), Error> {
    airox_rt::logging::set_debug_output(kept.machine);
    for handle in [root.machine, root.process, root.thread] {
        sys::handle_close(handle)?;
    }
    Ok(())
}

/// Brings what arrives to the supervisor.
struct Supervising<'a>(SupervisorDispatcher<Supervisor<'a, SystemKernel, Forwarder>>);

impl Handler for Supervising<'_> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        self.0.dispatch(message)
    }

    fn signal(&mut self, bits: u64) {
        self.0.0.signalled(bits);
    }

    fn fault(&mut self, message: &mut KernelMessage, _kind: Option<FaultKind>) -> Outcome {
        let supervisor = &mut self.0.0;
        supervisor.faulted(message.badge(), message.tag().label(), &message.words());
        // The process is dead by now, and nobody waits for this.
        Outcome::Reply(ReplyMessage { tag: Tag::new(FaultAction::Kill as u16), ..ReplyMessage::default() })
    }
}
