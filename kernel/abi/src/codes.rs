//! Enums that travel as numbers.

/// Makes a documented enum of `Name = code, "text for people";`, and what everyone needs to decode and show it.
macro_rules! codes {
    ($(#[$type_doc:meta])* $type:ident: $($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        $(#[$type_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $type { $($(#[$doc])* $name = $code,)* }

        impl $type {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [$type] = &[$($type::$name,)*];

            /// The value with this code, if there is one.
            #[must_use]
            pub const fn from_code(code: u64) -> Option<$type> {
                match code { $($code => Some($type::$name),)* _ => None }
            }

            /// A few words for people and manifests.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $($type::$name => $text,)* }
            }
        }
    };
}
