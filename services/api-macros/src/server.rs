//! The trait a server implements, and the dispatcher that turns messages into its calls.

use crate::model::{Argument, Interface, Kind, Method};
use crate::types::is_handle;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

pub fn generate(interface: &Interface) -> TokenStream {
    let Interface { ident, docs, visibility, methods, .. } = interface;
    let dispatcher = interface.named("Dispatcher");
    let marker = interface.named("Interface");
    let name = &interface.name;
    let title = format!("Calls a [`{ident}`] for each request of the interface \"{}\".", name.value());
    let signatures = methods.iter().map(signature);
    let arms = methods.iter().map(|method| {
        let number = method.number;
        let function = format_ident!("dispatch_{}", method.ident);
        quote!(#number => self.#function(incoming),)
    });
    let functions = methods.iter().map(function);
    quote! {
        #(#docs)*
        #visibility trait #ident {
            #(#signatures)*
        }

        #[doc = #title]
        #[derive(Debug)]
        #visibility struct #dispatcher<S>(
            /// The server.
            pub S,
        );

        impl<S: #ident> ::airox_api::Dispatch for #dispatcher<S> {
            type Interface = #marker;

            fn dispatch<I: ::airox_api::Incoming>(&mut self, incoming: &mut I) -> ::airox_api::Outcome {
                let tag = ::airox_api::Incoming::tag(incoming);
                if tag.user() >> 16 != INFO.id & 0xffff {
                    return ::airox_api::ProtocolError::WrongInterface.into();
                }
                let outcome = match tag.label() {
                    #(#arms)*
                    _ => ::core::result::Result::Err(::airox_api::ProtocolError::UnknownMethod),
                };
                outcome.unwrap_or_else(::core::convert::Into::into)
            }
        }

        impl<S: #ident> #dispatcher<S> {
            #(#functions)*
        }
    }
}

fn signature(method: &Method) -> TokenStream {
    let Method { ident, docs, value, error, deferred, .. } = method;
    let parameters = method.arguments.iter().map(|argument| {
        let ident = &argument.ident;
        let of = match &argument.kind {
            Kind::Value(of) | Kind::Reference(of) => quote!(#of),
            Kind::Slice(of) => quote!(::airox_api::wire::export::Vec<#of>),
            Kind::ReadLease | Kind::WriteLease if *deferred => quote!(::airox_api::SavedLease),
            Kind::ReadLease => quote!(::airox_api::ReadLease<'_>),
            Kind::WriteLease => quote!(::airox_api::WriteLease<'_>),
            Kind::Handle { handle, optional: false, .. } => quote!(#handle),
            Kind::Handle { handle, .. } => quote!(::core::option::Option<#handle>),
        };
        quote!(#ident: #of)
    });
    let (reply, output) = if *deferred {
        (quote!(, reply: ::airox_api::Deferred<#value, #error>), quote!())
    } else {
        (quote!(), quote!(-> ::core::result::Result<#value, #error>))
    };
    quote! {
        #(#docs)*
        #[allow(clippy::too_many_arguments)]
        fn #ident(&mut self, caller: ::airox_api::Caller #(, #parameters)* #reply) #output;
    }
}

/// The function that decodes one method's arguments and calls it.
fn function(method: &Method) -> TokenStream {
    let function = format_ident!("dispatch_{}", method.ident);
    let ident = &method.ident;
    let leases = method.leases().count();
    let has_result_lease = method.reply_bytes.is_some();
    let decoded = method.arguments.iter().filter_map(decoded);
    let (names, types): (Vec<_>, Vec<_>) = decoded.unzip();
    let takes = method.arguments.iter().filter_map(take);
    let passed = method.arguments.iter().map(|argument| {
        let ident = &argument.ident;
        match argument.kind {
            Kind::ReadLease if !method.deferred => quote!(call.reader(#ident)),
            Kind::WriteLease if !method.deferred => quote!(call.writer(#ident)),
            _ => quote!(#ident),
        }
    });
    let pack = pack(method);
    let (value, error) = (&method.value, &method.error);
    let finish = if method.deferred {
        quote! {
            let reply = call.defer::<#value, #error>(pack)?;
            self.0.#ident(caller #(, #passed)*, reply);
            ::core::result::Result::Ok(::airox_api::Outcome::Deferred)
        }
    } else {
        quote! {
            let result: ::core::result::Result<#value, #error> = self.0.#ident(caller #(, #passed)*);
            ::core::result::Result::Ok(call.answer(result, pack))
        }
    };
    quote! {
        fn #function<I: ::airox_api::Incoming>(&mut self, incoming: &mut I)
            -> ::core::result::Result<::airox_api::Outcome, ::airox_api::ProtocolError>
        {
            #pack
            #[allow(unused_mut)]
            let (mut call, payload) =
                ::airox_api::wire::Call::open(incoming, #leases, #has_result_lease)?;
            let (#(#names,)*): (#(#types,)*) = ::airox_api::wire::decode(payload.bytes())
                .ok_or(::airox_api::ProtocolError::BadArguments)?;
            #(#takes)*
            call.no_more_handles()?;
            let caller = call.caller();
            #finish
        }
    }
}

/// Name and type of an argument's part of the postcard tuple.
fn decoded(argument: &Argument) -> Option<(TokenStream, TokenStream)> {
    let ident = &argument.ident;
    match &argument.kind {
        Kind::Value(of) | Kind::Reference(of) => Some((quote!(#ident), quote!(#of))),
        Kind::Slice(of) => Some((quote!(#ident), quote!(::airox_api::wire::export::Vec<#of>))),
        Kind::Handle { optional: true, .. } => Some((quote!(#ident), quote!(bool))),
        Kind::Handle { .. } | Kind::ReadLease | Kind::WriteLease => None,
    }
}

/// The statement that takes a lease or handle from the call.
fn take(argument: &Argument) -> Option<TokenStream> {
    let ident = &argument.ident;
    match &argument.kind {
        Kind::ReadLease => Some(quote!(let #ident = call.lease(::airox_api::wire::export::Lease::READ)?;)),
        Kind::WriteLease => Some(quote!(let #ident = call.lease(::airox_api::wire::export::Lease::WRITE)?;)),
        Kind::Handle { handle, optional: true, .. } => Some(quote!(let #ident = call.handle::<#handle>(#ident)?;)),
        Kind::Handle { handle, .. } => Some(quote! {
            let #ident = call
                .handle::<#handle>(true)?
                .ok_or(::airox_api::ProtocolError::BadHandle)?;
        }),
        Kind::Value(_) | Kind::Reference(_) | Kind::Slice(_) => None,
    }
}

/// The function that takes the handles out of a result and encodes the rest.
fn pack(method: &Method) -> TokenStream {
    let value = &method.value;
    let signature = quote! {
        fn pack(
            value: #value,
            handles: &mut ::airox_api::wire::export::Vec<::airox_api::wire::export::AnyHandle>,
        ) -> ::core::option::Option<::airox_api::wire::Encoded>
    };
    if method.result_handles() == 0 {
        return quote! {
            #signature {
                let _no_handles = handles;
                ::airox_api::wire::encode(&value)
            }
        };
    }
    let elements = method.result_elements();
    let names: Vec<_> = (0..elements.len()).map(|index| format_ident!("element_{index}")).collect();
    let pattern = if method.result_is_tuple() { quote!((#(#names,)*)) } else { quote!(#(#names)*) };
    let plain = elements.iter().zip(&names).filter(|(element, _)| !is_handle(element)).map(|(_, name)| name);
    let given = elements.iter().zip(&names).filter(|(element, _)| is_handle(element)).map(|(_, name)| name);
    quote! {
        #signature {
            let #pattern = value;
            #(handles.push(::core::convert::Into::into(#given));)*
            ::airox_api::wire::encode(&(#(&#plain,)*))
        }
    }
}
