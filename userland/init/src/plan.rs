//! Who talks to whom: the system record's names, resolved once and checked.
//!
//! The host's checker has refused everything wrong long before; but a bundle made by other tools, or for another
//! version, must end in a clear message and not in a system that hangs half started.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use airox_bundle::Bundle;
use airox_bundle::system::{FILE_SYSTEM_INTERFACE, FILES_INTERFACE, Grant, System};

/// Most components a system can have: badges from 1001 on belong to the programs of the process server.
pub const MAX_COMPONENTS: usize = 1000;

/// The interface that takes log records.
pub const LOG_INTERFACE: &str = "log";

/// Where an interface is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Index of the component.
    pub component: usize,
    /// Index of the interface among those it provides.
    pub interface: usize,
}

/// The resolved system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// For each component, for each interface it uses: who provides it.
    pub uses: Vec<Vec<Provider>>,
    /// For each component, for each file system it mounts: who provides it, and the name of the handle to it.
    pub mounts: Vec<Vec<(String, Provider)>>,
    /// Who provides the log, if anyone does.
    pub log: Option<Provider>,
    /// Who provides files, if anyone does.
    pub files: Option<Provider>,
}

/// Why a system cannot be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// It has no components.
    Empty,
    /// It has more than [`MAX_COMPONENTS`].
    TooMany(usize),
    /// Two components have this name.
    DuplicateName(String),
    /// A component has no processor.
    NoProcessor(String),
    /// The bundle lacks a component's program.
    NoProgram {
        /// The component.
        component: String,
        /// The program it names.
        program: String,
    },
    /// Nobody of that name provides the interface.
    NoProvider {
        /// The client.
        component: String,
        /// The interface it uses.
        interface: String,
        /// The provider it names.
        provider: String,
    },
    /// The provider does not come before its client.
    Order {
        /// The client.
        component: String,
        /// The provider.
        provider: String,
    },
    /// A component is to administer the log of a system that has none.
    NoLog(String),
}

impl fmt::Display for PlanError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Empty => formatter.write_str("it has no components"),
            PlanError::TooMany(count) => {
                write!(formatter, "{count} components are more than {MAX_COMPONENTS}")
            }
            PlanError::DuplicateName(name) => {
                write!(formatter, "two components are named `{name}`")
            }
            PlanError::NoProcessor(component) => {
                write!(formatter, "`{component}` has no processor to run on")
            }
            PlanError::NoProgram { component, program } => {
                write!(formatter, "the bundle has no program `{program}` for component `{component}`")
            }
            PlanError::NoProvider { component, interface, provider } => {
                write!(formatter, "`{component}` uses `{interface}`, which `{provider}` does not provide")
            }
            PlanError::Order { component, provider } => {
                write!(formatter, "`{provider}` is to start after its client `{component}`")
            }
            PlanError::NoLog(component) => {
                write!(formatter, "`{component}` is to administer the log, but nobody provides one")
            }
        }
    }
}

impl core::error::Error for PlanError {}

/// Resolves and checks a system.
///
/// # Errors
/// The first thing that is wrong; see [`PlanError`].
pub fn plan(system: &System, bundle: &Bundle<'_>) -> Result<Plan, PlanError> {
    let components = &system.components;
    match components.len() {
        0 => return Err(PlanError::Empty),
        count if count > MAX_COMPONENTS => return Err(PlanError::TooMany(count)),
        _ => {}
    }
    let provider_of = |wanted: &str| {
        components.iter().enumerate().find_map(|(component, record)| {
            let interface = provided(&record.provides, wanted)?;
            Some(Provider { component, interface })
        })
    };
    let (log, files) = (provider_of(LOG_INTERFACE), provider_of(FILES_INTERFACE));
    let mut uses = Vec::with_capacity(components.len());
    let mut mounts = Vec::with_capacity(components.len());
    for (index, component) in components.iter().enumerate() {
        if components[..index].iter().any(|other| other.name == component.name) {
            return Err(PlanError::DuplicateName(component.name.clone()));
        }
        if component.processors == 0 {
            return Err(PlanError::NoProcessor(component.name.clone()));
        }
        if bundle.program(&component.program).is_none() {
            return Err(PlanError::NoProgram { component: component.name.clone(), program: component.program.clone() });
        }
        if component.grants.contains(&Grant::LogAdmin) && log.is_none() {
            return Err(PlanError::NoLog(component.name.clone()));
        }
        let find = |interface: &str, name: &String| {
            let provider = components
                .iter()
                .position(|other| other.name == *name)
                .and_then(|component| {
                    let interface = provided(&components[component].provides, interface)?;
                    Some(Provider { component, interface })
                })
                .ok_or_else(|| PlanError::NoProvider {
                    component: component.name.clone(),
                    interface: interface.into(),
                    provider: name.clone(),
                })?;
            if provider.component >= index {
                return Err(PlanError::Order { component: component.name.clone(), provider: name.clone() });
            }
            Ok(provider)
        };
        let providers = component.uses.iter().map(|wanted| find(wanted.interface_name(), &wanted.provider));
        uses.push(providers.collect::<Result<Vec<Provider>, PlanError>>()?);
        let mounted = component.mounts.iter();
        let mounted = mounted.map(|mount| Ok((mount.handle_name(), find(FILE_SYSTEM_INTERFACE, &mount.provider)?)));
        mounts.push(mounted.collect::<Result<Vec<(String, Provider)>, PlanError>>()?);
    }
    Ok(Plan { uses, mounts, log, files })
}

/// Position of an interface among those provided.
fn provided(interfaces: &[String], wanted: &str) -> Option<usize> {
    interfaces.iter().position(|interface| interface == wanted)
}
