//! What the macro refuses, and with which words.

use proc_macro2::TokenStream;
use quote::quote;

fn error(method: TokenStream) -> String {
    let result = super::expand(quote!(name = "test"), quote!(pub trait Test { #method }));
    result.expect_err("the macro accepted it").to_string()
}

#[test]
fn a_good_trait_is_accepted() {
    let item = quote! {
        /// Documented.
        pub trait Test {
            /// So is this.
            #[deferred]
            fn read(after: u64, text: &str, bytes: &mut [u8]) -> Result<(u32, Port), Error>;
        }
    };
    let generated = super::expand(quote!(name = "test"), item).unwrap().to_string();
    for part in ["trait Test", "struct TestClient", "struct TestDispatcher", "struct TestInterface"] {
        assert!(generated.contains(part), "{part}");
    }
}

#[test]
fn a_missing_or_odd_name_is_refused() {
    for attribute in [
        quote!(),
        quote!(name),
        quote!(name = 5),
        quote!(name = ""),
        quote!(title = "log"),
        quote!(name = "log", id = 5),
    ] {
        let result = super::expand(
            attribute.clone(),
            quote!(
                trait Test {}
            ),
        );
        let error = result.expect_err("accepted").to_string();
        assert_eq!(error, "write #[interface(name = \"...\")]", "{attribute}");
    }
}

#[test]
fn what_is_no_interface_is_refused() {
    let refused = |item| super::expand(quote!(name = "test"), item).unwrap_err().to_string();
    assert_eq!(
        refused(quote!(
            trait Test<T> {}
        )),
        "an interface has no generics"
    );
    assert_eq!(
        refused(quote!(
            trait Test: Clone {}
        )),
        "an interface has no supertraits"
    );
    assert_eq!(
        error(quote!(
            type Error;
        )),
        "an interface has methods only"
    );
    assert!(
        super::expand(
            quote!(name = "test"),
            quote!(
                struct Test;
            )
        )
        .is_err()
    );
}

#[test]
fn wrong_signatures_are_refused() {
    let cases = [
        (
            quote!(
                fn f(&self) -> Result<(), E>;
            ),
            "leave `self` out: the macro adds it",
        ),
        (
            quote!(
                fn f();
            ),
            "a method returns Result<T, E>",
        ),
        (
            quote!(
                fn f() -> u32;
            ),
            "a method returns Result<T, E>",
        ),
        (
            quote!(
                fn f() -> Result<u32>;
            ),
            "a method returns Result<T, E>",
        ),
        (
            quote!(
                fn f<T>() -> Result<(), E>;
            ),
            "a method of an interface has no generics",
        ),
        (
            quote!(
                fn f() -> Result<(), E> {
                    Ok(())
                }
            ),
            "a method of an interface has no body",
        ),
        (
            quote!(
                async fn f() -> Result<(), E>;
            ),
            "write #[deferred] for a method that is answered later",
        ),
        (
            quote!(
                fn f((a, b): (u8, u8)) -> Result<(), E>;
            ),
            "an argument has a plain name",
        ),
        (
            quote!(
                fn f(a: &mut u64) -> Result<(), E>;
            ),
            "only bytes can be lent for writing: &mut [u8]",
        ),
        (
            quote!(
                fn f(#[rights(SEND)] a: u64) -> Result<(), E>;
            ),
            "only handles have rights",
        ),
        (
            quote!(
                fn f(#[mine] a: u64) -> Result<(), E>;
            ),
            "only #[rights(...)] is known here",
        ),
        (
            quote!(
                fn f(a: &[u8], b: &[u8], c: &[u8]) -> Result<(), E>;
            ),
            "a method takes at most 2 byte ranges",
        ),
        (
            quote!(
                fn f(a: Port, b: Port, c: Port, d: Port, e: Port) -> Result<(), E>;
            ),
            "a message carries at most 4 handles",
        ),
        (
            quote!(
                #[slow]
                fn f() -> Result<(), E>;
            ),
            "known here: #[deferred], #[inline_reply], #[reply_bytes(n)]",
        ),
    ];
    for (method, expected) in cases {
        assert_eq!(error(method.clone()), expected, "{method}");
    }
    let reference = error(quote!(
        fn f(a: &Port) -> Result<(), E>;
    ));
    assert!(reference.starts_with("name the handle's type without `&`"));
}
