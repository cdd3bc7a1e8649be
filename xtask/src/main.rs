//! AIROX build tool.
fn main() {}
