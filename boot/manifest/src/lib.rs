//! `component.toml` and system files: their schema, and the rules a system must keep.
//!
//! A component says what it **needs** (`component.toml`: interfaces, machine resources, stack, heap). A system file says
//! who **gets** it (`boot/systems/*.toml`: priority, memory, which device, whose interface). [`compile`] checks one against the
//! other and makes the record that init follows.
//!
//! # Principles
//! - **Every problem at once**, each with its kind, file, line and reason; never only the first.
//! - **Nothing is ignored.** A key that means nothing is refused, so a misspelt one cannot silently change a system.
//! - **No I/O.** Texts come in, problems or a system go out; `xtask` reads the files.
#![forbid(unsafe_code)]

mod compile;
mod component;
mod devices;
mod drivers;
mod files;
mod interfaces;
mod problem;
mod processors;
mod quota;
mod reader;
mod source;
mod system_file;
mod timing;

pub use compile::{Compiled, compile};
pub use component::{ComponentManifest, parse_component};
pub use problem::{Kind, Problem, report};
pub use source::Source;
pub use timing::Deadline;

use std::collections::BTreeSet;

/// What a system file can draw on.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Every `component.toml` of the workspace.
    pub components: Vec<Source>,
    /// Every ring-3 program of the workspace.
    pub programs: BTreeSet<String>,
}
