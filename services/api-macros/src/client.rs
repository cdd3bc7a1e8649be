//! The client: one method for each of the interface's, over a transport.

use crate::model::{Argument, Interface, Kind, Method};
use crate::types::is_handle;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

pub fn generate(interface: &Interface) -> TokenStream {
    let client = interface.named("Client");
    let marker = interface.named("Interface");
    let visibility = &interface.visibility;
    let name = interface.name.value();
    let title = format!("Client of the interface \"{name}\".");
    let methods = interface.methods.iter().map(method);
    quote! {
        #[doc = #title]
        #[derive(Debug)]
        #visibility struct #client<T = ::airox_api::wire::export::Port> {
            transport: T,
        }

        impl<T: ::airox_api::Transport> #client<T> {
            /// A client that calls through `transport`, mostly a port.
            #[must_use]
            pub const fn new(transport: T) -> Self {
                Self { transport }
            }

            /// What it calls through.
            #[must_use]
            pub const fn transport(&self) -> &T {
                &self.transport
            }

            /// Gives back what it calls through.
            #[must_use]
            pub fn into_transport(self) -> T {
                self.transport
            }

            #(#methods)*
        }

        impl ::airox_api::Client for #client {
            type Interface = #marker;

            fn from_port(port: ::airox_api::wire::export::Port) -> Self {
                Self::new(port)
            }
        }
    }
}

fn method(method: &Method) -> TokenStream {
    let Method { ident, docs, number, value, error, .. } = method;
    let parameters = method.arguments.iter().map(parameter);
    let encoded = method.arguments.iter().filter_map(encoded);
    let lends = method.leases().map(lend);
    let reply_bytes = method.reply_bytes.clone().unwrap_or_else(|| quote!(0));
    let reply_handles = method.result_handles();
    let handles = transfers(method);
    let (decoded, rebuild) = rebuild(method);
    quote! {
        #(#docs)*
        #[allow(clippy::too_many_arguments, clippy::needless_question_mark)]
        pub fn #ident(&self, #(#parameters),*)
            -> ::core::result::Result<#value, ::airox_api::CallError<#error>>
        {
            #handles
            #[allow(unused_mut, unused_variables)]
            let (value, mut received): (#decoded, _) = ::airox_api::wire::invoke::<_, _, #error>(
                &self.transport,
                (INFO.id, #number),
                &(#(#encoded,)*),
                handles,
                &mut [#(#lends),*],
                (#reply_bytes, #reply_handles),
            )?;
            #rebuild
        }
    }
}

fn parameter(argument: &Argument) -> TokenStream {
    let ident = &argument.ident;
    match &argument.kind {
        Kind::Value(of) => quote!(#ident: #of),
        Kind::Reference(of) => quote!(#ident: &#of),
        Kind::Slice(of) => quote!(#ident: &[#of]),
        Kind::ReadLease => quote!(#ident: &[u8]),
        Kind::WriteLease => quote!(#ident: &mut [u8]),
        Kind::Handle { handle, optional: false, .. } => quote!(#ident: &#handle),
        Kind::Handle { handle, .. } => quote!(#ident: ::core::option::Option<&#handle>),
    }
}

/// The argument's part of the postcard tuple.
fn encoded(argument: &Argument) -> Option<TokenStream> {
    let ident = &argument.ident;
    match &argument.kind {
        Kind::Value(_) | Kind::Reference(_) | Kind::Slice(_) => Some(quote!(&#ident)),
        Kind::Handle { optional: true, .. } => Some(quote!(&#ident.is_some())),
        Kind::Handle { .. } | Kind::ReadLease | Kind::WriteLease => None,
    }
}

fn lend(argument: &Argument) -> TokenStream {
    let ident = &argument.ident;
    let variant = match argument.kind {
        Kind::WriteLease => format_ident!("Write"),
        _ => format_ident!("Read"),
    };
    quote!(::core::option::Option::Some(::airox_api::wire::export::Lend::#variant(#ident)))
}

/// Statements that leave the handles to pass in a slice named `handles`.
fn transfers(method: &Method) -> TokenStream {
    let handles: Vec<_> = method.arguments.iter().filter(|argument| argument.is_handle()).collect();
    if handles.is_empty() {
        return quote!(let handles = &[];);
    }
    let most = handles.len();
    let pushes = handles.iter().map(|argument| {
        let ident = &argument.ident;
        let Kind::Handle { optional, rights, .. } = &argument.kind else {
            return TokenStream::new();
        };
        let rights = rights_expression(rights.as_ref());
        let push = quote! {
            all[count] = ::airox_api::wire::export::HandleTransfer::new(
                ::airox_api::wire::export::TypedHandle::raw(#ident),
                #rights,
            );
            count += 1;
        };
        if *optional { quote!(if let ::core::option::Option::Some(#ident) = #ident { #push }) } else { push }
    });
    quote! {
        let mut all = [::airox_api::wire::export::HandleTransfer::default(); #most];
        let mut count = 0;
        #(#pushes)*
        let handles = &all[..count];
    }
}

/// `SEND | COPY` as rights, or all of them.
fn rights_expression(rights: Option<&syn::Expr>) -> TokenStream {
    match rights {
        None => quote!(::airox_api::wire::export::Rights::all()),
        Some(syn::Expr::Binary(union)) => {
            let left = rights_expression(Some(&union.left));
            let right = rights_expression(Some(&union.right));
            quote!(#left.union(#right))
        }
        Some(name) => quote!(::airox_api::wire::export::Rights::#name),
    }
}

/// The type that is decoded, and the expression that makes the method's result of `value` and `received`.
fn rebuild(method: &Method) -> (TokenStream, TokenStream) {
    if method.result_handles() == 0 {
        let value = &method.value;
        return (quote!(#value), quote!(::core::result::Result::Ok(value)));
    }
    let elements = method.result_elements();
    let plain: Vec<_> = elements.iter().filter(|element| !is_handle(element)).collect();
    let names: Vec<_> = (0..plain.len()).map(|index| format_ident!("plain_{index}")).collect();
    let mut next_name = names.iter();
    let mut next_handle = 0_usize;
    let parts: Vec<_> = elements
        .iter()
        .map(|element| {
            if is_handle(element) {
                let index = next_handle;
                next_handle += 1;
                quote!(received.typed::<#element, _>(#index)?)
            } else {
                let name = next_name.next();
                quote!(#name)
            }
        })
        .collect();
    let result = if method.result_is_tuple() { quote!((#(#parts,)*)) } else { quote!(#(#parts)*) };
    (
        quote!((#(#plain,)*)),
        quote! {
            let (#(#names,)*) = value;
            ::core::result::Result::Ok(#result)
        },
    )
}
