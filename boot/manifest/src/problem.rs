//! What is wrong with a system: its kind, where, and why.

use std::fmt;
use std::path::PathBuf;

use crate::source::{Source, Span};

macro_rules! problem_kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// The kinds of wrong systems. Each has its small bad example in `tests/bad-systems`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            /// Its name in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$name => $text,)* }
            }
        }
    };
}

problem_kinds! {
    /// Not TOML.
    Syntax = "syntax";
    /// A key that means nothing here.
    UnknownKey = "unknown-key";
    /// A key that must be there is not.
    MissingKey = "missing-key";
    /// A value of the wrong type.
    WrongType = "wrong-type";
    /// A number outside its range.
    OutOfRange = "out-of-range";
    /// A size that is no number with an optional unit.
    BadSize = "bad-size";
    /// A name that is empty, too long, or has characters other than `a-z 0-9 -`.
    BadName = "bad-name";
    /// One of a fixed set of words was expected.
    UnknownWord = "unknown-word";
    /// No `component.toml` has this name.
    UnknownComponent = "unknown-component";
    /// Two components of a system, or two `component.toml`, have one name.
    DuplicateComponent = "duplicate-component";
    /// A program that the workspace does not have.
    UnknownProgram = "unknown-program";
    /// A component lists an interface twice.
    DuplicateInterface = "duplicate-interface";
    /// Nobody provides an interface that a component uses.
    UnresolvedInterface = "unresolved-interface";
    /// Several components provide an interface and the system file does not say which is meant.
    AmbiguousProvider = "ambiguous-provider";
    /// The component named does not provide the interface.
    WrongProvider = "wrong-provider";
    /// A file system that cannot be mounted so.
    BadMount = "bad-mount";
    /// Files that cannot be given so.
    BadFiles = "bad-files";
    /// Components use each other in a circle.
    DependencyCycle = "dependency-cycle";
    /// A component would call a server of lower priority.
    CallToLowerPriority = "call-to-lower-priority";
    /// The machine has no resource of this name.
    UnknownResource = "unknown-resource";
    /// A component does not get a resource it needs.
    MissingResource = "missing-resource";
    /// A component gets a resource it does not ask for.
    UnneededResource = "unneeded-resource";
    /// The resource does not have what the component needs of it.
    WrongResourceKind = "wrong-resource-kind";
    /// A device, port, interrupt line or device memory would have two owners.
    TwoOwners = "two-owners";
    /// Device memory lies in RAM.
    MmioOverlapsRam = "mmio-overlaps-ram";
    /// Memory would be both writable and executable.
    WritableAndExecutable = "writable-and-executable";
    /// A component's stack and heap do not fit its memory.
    ComponentTooLarge = "component-too-large";
    /// The components together do not fit the machine's memory.
    SystemTooLarge = "system-too-large";
    /// A budget, deadline or passive server that makes no sense.
    BadBudget = "bad-budget";
    /// A component's processors are none, one of them twice, one that the machine need not have, or those of a passive server.
    BadProcessors = "bad-processors";
    /// A real-time priority without a budget.
    NeedsBudget = "needs-budget";
    /// The budgets of a processor promise more time than it has.
    ProcessorOverloaded = "processor-overloaded";
    /// A component with a deadline could be kept waiting for ever, or nobody knows for how long.
    UnboundedDelay = "unbounded-delay";
    /// A job may end after its deadline.
    DeadlineMissed = "deadline-missed";
    /// A `[match]` that matches nothing, or a driver that the device manager could not start.
    BadMatch = "bad-match";
    /// No path of a device.
    BadDevicePath = "bad-device-path";
    /// A driver, or a component that opens devices, in a system without a device manager.
    NoDeviceManager = "no-device-manager";
    /// A driver whose device could write to all memory, and nobody says that it is trusted to.
    UntrustedDma = "untrusted-dma";
    /// A restart policy that contradicts itself.
    BadRestart = "bad-restart";
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The kind.
    pub kind: Kind,
    /// The reason, for people.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error[{}]: {}\n  --> {}:{}", self.kind.name(), self.reason, self.file.display(), self.line)
    }
}

/// Collects problems while rules are checked.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub fn add(&mut self, kind: Kind, source: &Source, span: &Span, reason: impl Into<String>) {
        self.0.push(Problem { file: source.file.clone(), line: source.line(span.start), kind, reason: reason.into() });
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By file and line, each once.
    pub fn sorted(mut self) -> Vec<Problem> {
        self.0.sort();
        self.0.dedup();
        self.0
    }
}

/// Every problem as text, with a blank line between them.
#[must_use]
pub fn report(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
    texts.join("\n\n")
}
