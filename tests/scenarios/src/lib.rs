//! Boots the image and uses it as a person would.
#![forbid(unsafe_code)]

use airox_machine::Scenario;

/// Every scenario.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    Vec::new()
}
