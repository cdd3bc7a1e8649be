//! Progress on standard error: one line for each step, with the time it took.

use std::time::Instant;

/// A step that is under way. Dropping it without [`Step::done`] leaves its first line as the last word.
pub struct Step {
    name: String,
    started: Instant,
}

impl Step {
    /// Announces a step.
    pub fn start(name: impl Into<String>) -> Step {
        let name = name.into();
        eprintln!("[ .. ] {name}");
        Step { name, started: Instant::now() }
    }

    /// Says that it is finished and how long it took.
    pub fn done(self) {
        let seconds = self.started.elapsed().as_secs_f32();
        eprintln!("[ ok ] {} ({seconds:.1} s)", self.name);
    }
}
