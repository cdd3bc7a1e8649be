//! The process server's wiring: handles in, requests, signals and faults to the logic, answers out.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

mod init;
mod interface;

use core::mem::ManuallyDrop;

use airox_api::process::{ExitStatus, ProcessDispatcher, ProcessError, ProcessInterface};
use airox_api::supervisor::{SupervisorClient, SupervisorDispatcher, SupervisorInterface};
use airox_api::{Deferred, Dispatch, Incoming, Interface, Outcome, ReplyMessage};
use airox_bundle::Bundle;
use airox_process::server::Server;
use airox_process::site::{Authority, Site};
use airox_rt::abi::fault::{FaultAction, FaultKind};
use airox_rt::server::{self, Handler, KernelMessage};
use airox_rt::sys::{self, Tag};
use airox_rt::{Handle, Machine, Port, Quota, Region, Signal, Start, StartError, TypedHandle, memory};
use airox_spawn::SystemKernel;

use init::InitClient;
use interface::{Panics, Requests};

airox_rt::entry!(main);

/// The logic with all that is real.
type Programs = Server<'static, SystemKernel, InitClient, Deferred<ExitStatus, ProcessError>>;

fn main(start: &'static Start) -> Result<(), StartError> {
    let port = start.served_port::<ProcessInterface>()?;
    let signal = Signal::create()?;
    // These live as long as the server.
    let bundle = ManuallyDrop::new(start.take::<Region>("bundle")?);
    let authority = Authority {
        bundle: bundle.raw(),
        quota: start.take::<Quota>("quota")?.into_raw(),
        port: port.raw(),
        signal: signal.raw(),
        log: start.take::<Port>("log-admin")?.into_raw(),
        clock: start.take::<Port>("clock")?.into_raw(),
        machine: start.take::<Machine>("kernel-info")?.into_raw(),
    };
    let devices = SupervisorClient::new(start.take::<Port>("device")?);
    let init = InitClient { init: start.connect::<SupervisorClient>()?, devices };
    let site = site(&bundle)?;
    let programs = Programs::new(SystemKernel, init, site, authority);
    let server = server::Server::new(port).with_signal(&signal)?;
    Ok(server.run(Serving(programs))?)
}

/// What this server knows about its system.
fn site(region: &Region) -> Result<Site<'static>, StartError> {
    let (pages, _, _) = region.region_info()?;
    let length = pages * airox_rt::abi::layout::PAGE_SIZE;
    let bytes = memory::map_constant(region, length as usize)?;
    let bundle = Bundle::parse(bytes).map_err(|_| StartError::Missing("bundle".into()))?;
    let system = bundle.system().map_err(|_| StartError::Missing("system record".into()))?;
    let processors = sys::process_info(Handle::NONE)?.processors;
    Ok(Site::new(bundle, bytes, system, processors))
}

/// Brings what arrives to the logic.
struct Serving(Programs);

impl Serving {
    /// Answers those whose program has ended.
    fn answer(&mut self) {
        for (reply, result) in self.0.take_answers() {
            // Who waited may be gone by now.
            let _ = reply.send(result);
        }
    }
}

impl Handler for Serving {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        // Programs report their panics here as components do to init: same port, other interface.
        let outcome = if u64::from(message.tag().user() >> 16) == SupervisorInterface::ID & 0xffff {
            SupervisorDispatcher(Panics(&mut self.0)).dispatch(message)
        } else {
            ProcessDispatcher(Requests(&mut self.0)).dispatch(message)
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
