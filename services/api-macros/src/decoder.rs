//! The interface as data, and its messages as text.

use crate::model::{Interface, Kind, Method};
use crate::types::is_handle;
use proc_macro2::TokenStream;
use quote::quote;

pub fn generate(interface: &Interface) -> TokenStream {
    let Interface { name, visibility, methods, .. } = interface;
    let marker = interface.named("Interface");
    let title = format!("The interface \"{}\".", name.value());
    let names = methods.iter().map(|method| method.ident.to_string());
    let requests = methods.iter().map(request);
    let replies = methods.iter().map(reply);
    quote! {
        #[doc = #title]
        #[derive(Clone, Copy, Debug)]
        #visibility struct #marker;

        impl ::airox_api::Interface for #marker {
            const INFO: &'static ::airox_api::InterfaceInfo = &INFO;
        }

        #[doc = #title]
        #visibility const INFO: ::airox_api::InterfaceInfo = ::airox_api::InterfaceInfo {
            name: #name,
            id: ::airox_api::wire::interface_id(#name),
            methods: &[#(#names),*],
            decode,
            decode_reply,
        };

        /// A request as text, as far as the words at hand tell it.
        #[must_use]
        #visibility fn decode(
            tag: ::airox_api::wire::export::Tag,
            words: &[u64],
        ) -> ::airox_api::wire::export::String {
            match tag.label() {
                #(#requests)*
                label => ::airox_api::wire::export::format!("method {label}?"),
            }
        }

        /// A reply as text, as far as the words at hand tell it.
        #[must_use]
        #visibility fn decode_reply(
            method: u16,
            tag: ::airox_api::wire::export::Tag,
            words: &[u64],
        ) -> ::airox_api::wire::export::String {
            let mut bytes = ::airox_api::wire::export::Vec::new();
            match method {
                #(#replies)*
                label => ::airox_api::wire::export::format!("reply to method {label}?"),
            }
        }
    }
}

fn request(method: &Method) -> TokenStream {
    let number = method.number;
    let name = method.ident.to_string();
    let names = method.arguments.iter().map(|argument| argument.ident.to_string());
    let texts = method.arguments.iter().enumerate().map(|(index, argument)| {
        let text = match &argument.kind {
            Kind::Value(of) | Kind::Reference(of) => quote!(reader.next::<#of>()),
            Kind::Slice(of) => quote!(reader.next::<::airox_api::wire::export::Vec<#of>>()),
            Kind::ReadLease | Kind::WriteLease => {
                quote!(::core::option::Option::Some("lease".into()))
            }
            Kind::Handle { optional: false, .. } => {
                quote!(::core::option::Option::Some("handle".into()))
            }
            Kind::Handle { .. } => quote!(
                reader.next::<bool>().map(|present| { if present == "true" { "handle" } else { "none" }.into() })
            ),
        };
        quote!(#index => #text,)
    });
    quote! {
        #number => ::airox_api::wire::describe(tag, words, #name, &[#(#names),*], |reader, index| {
            let _unused_without_arguments = &reader;
            match index {
                #(#texts)*
                _ => ::core::option::Option::None,
            }
        }),
    }
}

fn reply(method: &Method) -> TokenStream {
    let number = method.number;
    let error = &method.error;
    let decoded = if method.result_handles() == 0 {
        let value = &method.value;
        quote!(#value)
    } else {
        let elements = method.result_elements();
        let plain = elements.iter().filter(|element| !is_handle(element));
        quote!((#(#plain,)*))
    };
    quote! {
        #number => ::airox_api::wire::decode_result::<#decoded, #error>(tag, words, &mut bytes),
    }
}
