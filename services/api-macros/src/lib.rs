//! The `#[interface]` attribute: one trait becomes client, server trait, dispatcher and decoder.
//!
//! What it generates and how arguments travel is described in the documentation of `airox-api`, which re-exports it.
#![forbid(unsafe_code)]

mod client;
mod decoder;
mod model;
mod server;
mod types;

use proc_macro::TokenStream;
use quote::quote;

/// Makes an interface of a trait: `#[interface(name = "log")] pub trait Log { ... }`.
#[proc_macro_attribute]
pub fn interface(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand(attribute.into(), item.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(
    attribute: proc_macro2::TokenStream,
    item: proc_macro2::TokenStream,
) -> syn::Result<proc_macro2::TokenStream> {
    let name = model::parse_name(attribute)?;
    let interface = model::Interface::parse(name, syn::parse2(item)?)?;
    let server = server::generate(&interface);
    let client = client::generate(&interface);
    let decoder = decoder::generate(&interface);
    Ok(quote! { #server #client #decoder })
}

#[cfg(test)]
mod tests;
