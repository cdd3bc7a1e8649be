//! The interface as the macro understands it, and what it refuses.

use crate::types::{is_handle, is_named, is_small, option_of, result_types};
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, Ident, ItemTrait, Lit, LitStr, Meta, Pat, Result, Token, TraitItem,
    TraitItemFn, Type, Visibility,
};

/// Most leases a method may take: one more place is for its arguments and one for its result.
const MAX_METHOD_LEASES: usize = 2;
/// Most handles a message can carry.
const MAX_HANDLES: usize = 4;

pub struct Interface {
    pub name: LitStr,
    pub docs: Vec<Attribute>,
    pub visibility: Visibility,
    pub ident: Ident,
    pub methods: Vec<Method>,
}

pub struct Method {
    pub number: u16,
    pub docs: Vec<Attribute>,
    pub ident: Ident,
    pub arguments: Vec<Argument>,
    pub value: Type,
    pub error: Type,
    pub deferred: bool,
    /// Size of the buffer lent for the result, if there is one.
    pub reply_bytes: Option<TokenStream>,
}

pub struct Argument {
    pub ident: Ident,
    pub kind: Kind,
}

/// How an argument travels.
pub enum Kind {
    /// Postcard; the type is the same on both sides.
    Value(Type),
    /// Postcard; `&T` at the client, `T` at the server.
    Reference(Type),
    /// Postcard; `&[T]` at the client, `Vec<T>` at the server.
    Slice(Type),
    /// A lease to read.
    ReadLease,
    /// A lease to write.
    WriteLease,
    /// A handle, perhaps optional, with at most these rights.
    Handle { handle: Type, optional: bool, rights: Option<Expr> },
}

/// Reads `name = "..."`.
pub fn parse_name(attribute: TokenStream) -> Result<LitStr> {
    let wanted = "write #[interface(name = \"...\")]";
    let metas = Punctuated::<Meta, Token![,]>::parse_terminated
        .parse2(attribute)
        .map_err(|error| Error::new(error.span(), wanted))?;
    let mut metas = metas.into_iter();
    match (metas.next(), metas.next()) {
        (Some(Meta::NameValue(pair)), None) if pair.path.is_ident("name") => match pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) if !name.value().is_empty() => Ok(name),
            other => Err(Error::new(other.span(), wanted)),
        },
        (Some(other), None) | (_, Some(other)) => Err(Error::new(other.span(), wanted)),
        (None, None) => Err(Error::new(Span::call_site(), wanted)),
    }
}

impl Interface {
    pub fn parse(name: LitStr, item: ItemTrait) -> Result<Interface> {
        if !item.generics.params.is_empty() {
            return Err(Error::new(item.generics.span(), "an interface has no generics"));
        }
        if !item.supertraits.is_empty() {
            return Err(Error::new(item.supertraits.span(), "an interface has no supertraits"));
        }
        let mut methods = Vec::new();
        for item in item.items {
            match item {
                TraitItem::Fn(function) => {
                    let number = u16::try_from(methods.len()).ok().filter(|number| *number < 0xff00);
                    let number = number.ok_or_else(|| Error::new(function.span(), "too many methods"))?;
                    methods.push(Method::parse(number, function)?);
                }
                other => return Err(Error::new(other.span(), "an interface has methods only")),
            }
        }
        let docs = docs_only(item.attrs)?;
        Ok(Interface { name, docs, visibility: item.vis, ident: item.ident, methods })
    }

    /// The trait's name with a suffix.
    pub fn named(&self, suffix: &str) -> Ident {
        Ident::new(&format!("{}{suffix}", self.ident), self.ident.span())
    }
}

impl Method {
    fn parse(number: u16, function: TraitItemFn) -> Result<Method> {
        let signature = function.sig;
        if let Some(body) = &function.default {
            return Err(Error::new(body.span(), "a method of an interface has no body"));
        }
        if !signature.generics.params.is_empty() {
            return Err(Error::new(signature.generics.span(), "a method of an interface has no generics"));
        }
        if let Some(word) = &signature.asyncness {
            return Err(Error::new(word.span(), "write #[deferred] for a method that is answered later"));
        }
        let (value, error) = result_types(&signature.output, signature.ident.span())?;
        let arguments = signature.inputs.into_iter().map(Argument::parse).collect::<Result<Vec<_>>>()?;

        let mut deferred = false;
        let mut reply_bytes = (!is_small(&value)).then(|| quote::quote!(::airox_api::wire::REPLY_BYTES));
        let mut docs = Vec::new();
        for attribute in function.attrs {
            if attribute.path().is_ident("deferred") {
                attribute.meta.require_path_only()?;
                deferred = true;
            } else if attribute.path().is_ident("inline_reply") {
                attribute.meta.require_path_only()?;
                reply_bytes = None;
            } else if attribute.path().is_ident("reply_bytes") {
                reply_bytes = Some(attribute.parse_args::<Expr>()?.into_token_stream());
            } else {
                docs.push(attribute);
            }
        }
        let method = Method {
            number,
            docs: docs_only(docs)?,
            ident: signature.ident,
            arguments,
            value,
            error,
            deferred,
            reply_bytes,
        };
        method.check_limits()?;
        Ok(method)
    }

    fn check_limits(&self) -> Result<()> {
        let span = self.ident.span();
        if self.leases().count() > MAX_METHOD_LEASES {
            return Err(Error::new(span, format!("a method takes at most {MAX_METHOD_LEASES} byte ranges")));
        }
        let handles = |method: &Method| {
            let taken = method.arguments.iter().filter(|argument| argument.is_handle());
            taken.count()
        };
        if handles(self) > MAX_HANDLES || self.result_handles() > MAX_HANDLES {
            return Err(Error::new(span, format!("a message carries at most {MAX_HANDLES} handles")));
        }
        Ok(())
    }

    /// The arguments that are leases.
    pub fn leases(&self) -> impl Iterator<Item = &Argument> {
        self.arguments.iter().filter(|argument| argument.is_lease())
    }

    /// The elements of the result: of the tuple, or the result itself.
    pub fn result_elements(&self) -> Vec<&Type> {
        match &self.value {
            Type::Tuple(tuple) => tuple.elems.iter().collect(),
            other => vec![other],
        }
    }

    /// Whether the result is a tuple.
    pub fn result_is_tuple(&self) -> bool {
        matches!(self.value, Type::Tuple(_))
    }

    /// How many handles the result hands over.
    pub fn result_handles(&self) -> usize {
        let elements = self.result_elements();
        elements.iter().filter(|element| is_handle(element)).count()
    }
}

impl Argument {
    fn parse(argument: FnArg) -> Result<Argument> {
        let argument = match argument {
            FnArg::Typed(argument) => argument,
            FnArg::Receiver(receiver) => {
                return Err(Error::new(receiver.span(), "leave `self` out: the macro adds it"));
            }
        };
        let ident = match &*argument.pat {
            Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.mutability.is_none() => pattern.ident.clone(),
            other => return Err(Error::new(other.span(), "an argument has a plain name")),
        };
        let mut rights = None;
        for attribute in &argument.attrs {
            if attribute.path().is_ident("rights") {
                rights = Some(attribute.parse_args::<Expr>()?);
            } else {
                return Err(Error::new(attribute.span(), "only #[rights(...)] is known here"));
            }
        }
        let mut kind = Kind::of(*argument.ty)?;
        match (&mut kind, rights) {
            (Kind::Handle { rights, .. }, given) => *rights = given,
            (_, Some(rights)) => {
                return Err(Error::new(rights.span(), "only handles have rights"));
            }
            (_, None) => {}
        }
        Ok(Argument { ident, kind })
    }

    pub fn is_lease(&self) -> bool {
        matches!(self.kind, Kind::ReadLease | Kind::WriteLease)
    }

    pub fn is_handle(&self) -> bool {
        matches!(self.kind, Kind::Handle { .. })
    }
}

impl Kind {
    fn of(of: Type) -> Result<Kind> {
        if let Type::Reference(reference) = &of {
            let mutable = reference.mutability.is_some();
            return match (&*reference.elem, mutable) {
                (Type::Slice(slice), true) if is_named(&slice.elem, &["u8"]) => Ok(Kind::WriteLease),
                (Type::Slice(slice), false) if is_named(&slice.elem, &["u8"]) => Ok(Kind::ReadLease),
                (_, true) => Err(Error::new(of.span(), "only bytes can be lent for writing: &mut [u8]")),
                (inner, false) if is_named(inner, &["str"]) => Ok(Kind::Value(of)),
                (inner, false) if is_handle(inner) => Err(Error::new(
                    of.span(),
                    "name the handle's type without `&`: the client takes a reference, the server owns the copy",
                )),
                (Type::Slice(slice), false) => Ok(Kind::Slice((*slice.elem).clone())),
                (inner, false) => Ok(Kind::Reference(inner.clone())),
            };
        }
        if is_handle(&of) {
            return Ok(Kind::Handle { handle: of, optional: false, rights: None });
        }
        if let Some(inner) = option_of(&of).filter(|inner| is_handle(inner)) {
            return Ok(Kind::Handle { handle: inner.clone(), optional: true, rights: None });
        }
        Ok(Kind::Value(of))
    }
}

/// Keeps doc comments and lint levels, refuses other attributes.
fn docs_only(attributes: Vec<Attribute>) -> Result<Vec<Attribute>> {
    for attribute in &attributes {
        let known = ["doc", "allow", "expect"];
        if !known.iter().any(|name| attribute.path().is_ident(name)) {
            return Err(Error::new(attribute.span(), "known here: #[deferred], #[inline_reply], #[reply_bytes(n)]"));
        }
    }
    Ok(attributes)
}
