//! The system as init sees it: its record, who talks to whom, and what is kept for each component.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use airox_abi::{Handle, ObjectKind, QuotaKind, QuotaLimits, Rights};
use airox_bundle::system::{Grant as SpecialGrant, System};
use airox_bundle::{Bundle, Program, Symbols};
use airox_spawn::Grant;
use airox_supervise::Minted;

use crate::component::Component;
use crate::plan::{Plan, Provider};

/// Init's own handles.
#[derive(Clone, Copy, Debug)]
pub struct Authority {
    /// The bundle: `READ`, `EXECUTE`, `COPY`.
    pub bundle: Handle,
    /// The root quota: `CONTROL`.
    pub quota: Handle,
    /// Init's own process: `READ`.
    pub own_process: Handle,
    /// The machine: what is left after minting, `READ`, `SEND` and `COPY`.
    pub machine: Handle,
    /// The port that init receives on: all rights.
    pub port: Handle,
    /// The signal bound to that port: all rights.
    pub signal: Handle,
}

/// The whole system.
#[derive(Clone, Debug)]
pub struct House<'a> {
    /// The bundle.
    pub bundle: Bundle<'a>,
    /// Its bytes.
    pub bundle_bytes: &'a [u8],
    /// Its system record.
    pub system: &'a System,
    /// Who talks to whom.
    pub plan: Plan,
    /// Init's own handles.
    pub authority: Authority,
    /// How many processors the machine has.
    pub processors: u32,
    /// What is kept for each component, in the order of the record.
    pub components: Vec<Component>,
}

impl<'a> House<'a> {
    /// The processors that a component may use on this machine, one bit each.
    #[must_use]
    pub fn processors_of(&self, index: usize) -> u64 {
        let existing = u64::MAX.checked_shr(u64::BITS - self.processors).unwrap_or(0);
        self.system.components[index].processors & existing
    }

    /// Why a component cannot run on this machine's processors, if it cannot.
    #[must_use]
    pub fn lacks_processor(&self, index: usize) -> Option<String> {
        let first = self.system.components[index].first_processor();
        (first >= self.processors)
            .then(|| format!("it is to run on processor {first}, and there are {}, numbered from 0", self.processors))
    }

    /// What a component may use: its own limits, and processor time for programs, of each processor that it may use.
    #[must_use]
    pub fn limits(&self, index: usize) -> QuotaLimits {
        let record = &self.system.components[index];
        let limits = QuotaLimits(record.limits);
        let for_programs = record.time.for_programs.saturating_mul(self.processors_of(index).count_ones());
        limits.with(QuotaKind::Time, limits.get(QuotaKind::Time).saturating_add(for_programs))
    }

    /// The program a component runs.
    #[must_use]
    pub fn program(&self, index: usize) -> Option<Program<'a>> {
        self.bundle.program(&self.system.components[index].program)
    }

    /// Names of the functions of that program.
    #[must_use]
    pub fn symbols(&self, index: usize) -> Symbols<'a> {
        self.program(index).map_or(Symbols::EMPTY, |program| program.symbols())
    }

    /// The log port's handle for clients, unbadged: its holder may name badges.
    #[must_use]
    pub fn log_port(&self) -> Option<Handle> {
        self.plan.log.map(|log| self.port(log))
    }

    /// The file service's port, unbadged: its holder may say who uses which files.
    #[must_use]
    pub fn files_port(&self) -> Option<Handle> {
        self.plan.files.map(|files| self.port(files))
    }

    /// Whether a component serves files.
    #[must_use]
    pub fn is_files(&self, index: usize) -> bool {
        self.plan.files.is_some_and(|files| files.component == index)
    }

    /// Whether a component uses them.
    #[must_use]
    pub fn uses_files(&self, index: usize) -> bool {
        self.plan.files.is_some_and(|files| self.plan.uses[index].contains(&files))
    }

    /// A component's arguments: the system's, and what its resources are like.
    #[must_use]
    pub fn arguments(&self, index: usize) -> Vec<&str> {
        let told = self.components[index].owned.arguments.iter();
        let arguments = self.system.components[index].arguments.iter();
        arguments.chain(told).map(String::as_str).collect()
    }

    /// Names of the ports a component serves, as it finds them.
    #[must_use]
    pub fn served_names(&self, index: usize) -> Vec<String> {
        let provides = self.system.components[index].provides.iter();
        provides.map(|interface| format!("serve:{interface}")).collect()
    }

    /// Exactly what the system gives a component.
    #[must_use]
    pub fn grants<'b>(&'b self, index: usize, quota: Handle, served_names: &'b [String]) -> Vec<Grant<'b>> {
        let record = &self.system.components[index];
        let component = &self.components[index];
        let port = |name, handle, rights, badge| Grant { name, handle, kind: ObjectKind::Port, rights, badge };
        let client = Rights::SEND | Rights::COPY;
        let mut grants =
            Vec::with_capacity(2 + served_names.len() + record.uses.len() + component.owned.handles.len() + 4);
        grants.push(port("supervisor", component.supervisor, client, 0));
        // Faults of further threads arrive where those of the first one do.
        grants.push(port("fault", component.supervisor, client, 0));
        for (name, served) in served_names.iter().zip(&component.ports) {
            if let Some(server) = served.server {
                let rights = client | Rights::RECEIVE | Rights::BADGE;
                grants.push(port(name, server, rights, 0));
            }
        }
        for (wanted, provider) in record.uses.iter().zip(&self.plan.uses[index]) {
            let handle = self.port(*provider);
            grants.push(port(&wanted.interface, handle, client, number(index)));
        }
        for (name, provider) in &self.plan.mounts[index] {
            grants.push(port(name, self.port(*provider), client | Rights::BADGE, 0));
        }
        grants.extend(component.owned.handles.iter().map(Minted::grant));
        for special in &record.grants {
            self.special_grant(*special, quota, &mut grants);
        }
        grants
    }

    fn special_grant(&self, special: SpecialGrant, quota: Handle, grants: &mut Vec<Grant<'_>>) {
        let mut push = |name, handle, kind, rights| {
            grants.push(Grant { name, handle, kind, rights, badge: 0 });
        };
        match special {
            SpecialGrant::Bundle => {
                let rights = Rights::READ | Rights::EXECUTE;
                push("bundle", self.authority.bundle, ObjectKind::Region, rights);
                // Programs are charged to who starts them.
                let rights = Rights::READ | Rights::CONTROL;
                push("quota", quota, ObjectKind::Quota, rights);
            }
            SpecialGrant::KernelInfo => {
                let machine = self.authority.machine;
                push("kernel-info", machine, ObjectKind::Machine, Rights::READ);
            }
            // Decided by the badge of the handle everyone has.
            SpecialGrant::Supervisor => {}
            SpecialGrant::LogAdmin => {
                if let Some(log) = self.log_port() {
                    let rights = Rights::SEND | Rights::COPY | Rights::BADGE;
                    push("log-admin", log, ObjectKind::Port, rights);
                }
            }
        }
    }

    /// Whether a component serves the log.
    #[must_use]
    pub fn is_log(&self, index: usize) -> bool {
        self.plan.log.is_some_and(|log| log.component == index)
    }

    /// The handle from which clients of a provider get theirs.
    fn port(&self, provider: Provider) -> Handle {
        self.components[provider.component].ports[provider.interface].clients
    }

    /// The component a badge belongs to.
    #[must_use]
    pub fn index_of(&self, badge: u64) -> Option<usize> {
        let index = usize::try_from(badge.checked_sub(1)?).ok()?;
        (index < self.components.len()).then_some(index)
    }
}

/// A component's number: its badge everywhere.
#[must_use]
pub const fn number(index: usize) -> u64 {
    index as u64 + 1
}
