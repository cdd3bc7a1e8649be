//! What a type says by its name: handles, numbers, results.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Error, GenericArgument, PathArguments, Result, ReturnType, Type};

/// Types that are handles, by their last name.
const HANDLES: [&str; 9] = ["Process", "Thread", "Port", "Reply", "Signal", "Region", "Quota", "Irq", "IoPorts"];
/// Types whose postcard form is at most 10 bytes.
const NUMBERS: [&str; 14] =
    ["bool", "char", "u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize", "f32", "f64"];

/// The `T` and `E` of `-> Result<T, E>`.
pub fn result_types(output: &ReturnType, span: Span) -> Result<(Type, Type)> {
    let refused = |span| Err(Error::new(span, "a method returns Result<T, E>"));
    let ReturnType::Type(_, of) = output else {
        return refused(span);
    };
    match generic_arguments(of, "Result").as_deref() {
        Some([value, error]) => Ok(((*value).clone(), (*error).clone())),
        _ => refused(of.span()),
    }
}

/// The type arguments of a type whose last name is `name`.
fn generic_arguments<'a>(of: &'a Type, name: &str) -> Option<Vec<&'a Type>> {
    let Type::Path(path) = of else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(list) = &last.arguments else {
        return None;
    };
    let types = list.args.iter().map(|argument| match argument {
        GenericArgument::Type(of) => Some(of),
        _ => None,
    });
    types.collect()
}

pub fn option_of(of: &Type) -> Option<&Type> {
    match generic_arguments(of, "Option").as_deref() {
        Some([inner]) => Some(inner),
        _ => None,
    }
}

/// Whether the last name of a type is one of these.
pub fn is_named(of: &Type, names: &[&str]) -> bool {
    match of {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|last| last.arguments.is_none() && names.iter().any(|name| last.ident == name)),
        _ => false,
    }
}

/// Whether a type is a handle.
pub fn is_handle(of: &Type) -> bool {
    is_named(of, &HANDLES)
}

/// Whether every value of a type surely fits in the words of a message.
pub fn is_small(of: &Type) -> bool {
    match of {
        Type::Tuple(tuple) => tuple.elems.len() <= 5 && tuple.elems.iter().all(is_small),
        _ => is_handle(of) || is_named(of, &NUMBERS) || option_of(of).is_some_and(|inner| is_named(inner, &NUMBERS)),
    }
}
