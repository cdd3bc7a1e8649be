//! The #[interface] attribute macro.
