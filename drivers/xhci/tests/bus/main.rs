//! The bus's logic against a model controller with model devices, all of which can lie.

mod devices;
mod finding;
mod host;
mod model;
mod transfers;
